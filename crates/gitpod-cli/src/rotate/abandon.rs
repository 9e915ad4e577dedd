//! `gitpodctl scim resume --abandon`: gives a rotation up.

use gitpod_rotation::{Rotation, Store};

use super::again::Again;
use super::end;
use crate::cli::Output;
use crate::exit::{Exit, Failure};
use crate::output;

pub(super) fn abandon(
    store: &Store,
    rotation: &Rotation,
    again: Again<'_>,
    form: Output,
) -> Result<Exit, Failure> {
    let id = store.configuration();
    if rotation.is_verified() {
        return Err(Failure::usage(format!(
            "--abandon: the new token of {id} is in place, and verified: {}",
            again.resume(id)
        )));
    }
    let escrow = store.abandon().map_err(|error| {
        Failure::local(format!(
            "{error}; look at {}",
            store.escrow_path().display()
        ))
    })?;
    let mut lines = vec![format!(
        "given up: the rotation of {id}; nothing was asked for or pushed"
    )];
    lines.extend(stand(rotation));
    if let Some(path) = &escrow {
        lines.push(format!(
            "what was in escrow is kept, and may hold the only copy of a live token: {}; remove it when \
             that token is where it belongs, or replaced",
            path.display()
        ));
    }
    lines.push(format!("begin anew: {}", again.rotate(id)));
    match form {
        Output::Json => {
            let mut event = end::done(Some(id), "abandoned", &lines);
            event["escrow"] = escrow.map(|path| path.display().to_string()).into();
            output::result(&event.to_string())?;
        }
        Output::Table => {
            for line in lines {
                output::result(&output::printable(&line))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// How things stand with it.
fn stand(rotation: &Rotation) -> Vec<String> {
    let mut lines = Vec::new();
    if rotation.is_unanswered() {
        lines.push(
            "a request of it may still be executed, and kill the token that is alive then: wait two \
             minutes before the next"
                .to_owned(),
        );
    }
    lines.push(
        if rotation.old_token_dead() {
            "the token from before no longer works"
        } else {
            "whether the token from before still works isn't known"
        }
        .to_owned(),
    );
    lines.extend(
        rotation
            .pushed()
            .map(|sink| format!("  {sink}: has the new token")),
    );
    lines
}
