//! How a run ended: what is true now, in a few lines, and the exit code.

use gitpod_rotation::{Drift, End, Ending, Obstacle, State, Verdict};
use serde_json::json;

use super::again::Again;
use crate::cli::Output;
use crate::exit::{Exit, Failure};
use crate::output;

pub(super) fn exit(ending: Ending) -> Exit {
    match ending {
        Ending::Done | Ending::NothingDue | Ending::Ready => Exit::Done,
        Ending::Unfinished(_) => Exit::Unfinished,
        Ending::Superseded => Exit::Superseded,
        Ending::Lost(_) => Exit::TokenLost,
        Ending::Drift => Exit::Drift,
        Ending::CredentialEndsTooSoon => Exit::CredentialEnds,
        Ending::Gone => Exit::NotFound,
        // And what a later version may bring, which would be nothing that is done.
        _ => Exit::NothingChanged,
    }
}

/// What is true now, and where it isn't over the command that goes on.
pub(super) fn lines(ending: Ending, state: &State, again: Again<'_>) -> Vec<String> {
    let id = state.journal().configuration();
    let last = state.journal().last();
    let mut lines = Vec::new();
    match ending {
        Ending::Done => {
            let expiry = last.map(|last| last.expires_at().to_string());
            lines.push(format!(
                "rotated: the new token of {id} is in place and expires at {}; the one from before \
                 no longer works",
                expiry.unwrap_or_default()
            ));
            lines.extend(state.sinks().iter().zip(state.verdicts()).map(|(sink, verdict)| {
                let said = match verdict {
                    Some(Verdict::Works) => "verified",
                    Some(_) if sink.starts_with("manual:") => {
                            "confirmed by you, not verified; the token is still in that file: \
                             remove it"
                        }
                    Some(_) => "took it, and can't tell whether it works: not verified",
                    None => "verified before this run",
                };
                format!("  {sink}: {said}")
            }));
        }
        Ending::NothingDue => {
            lines.push(format!("nothing is due: {}", found(state)));
            lines.extend(checked(state));
        }
        Ending::Ready => {
            lines.extend(state.drift().iter().map(|drift| words(drift, state)));
            lines.push(format!(
                "ready: all that a rotation of {id} needs is there; nothing was asked for"
            ));
        }
        Ending::NothingChanged(why) => {
            lines.push(format!("nothing was changed: {why}"));
            lines.push(format!(
                "the token of {id} is the one from before{}",
                state.found().map(|at| format!(", which expires at {at}")).unwrap_or_default()
            ));
        }
        Ending::Unfinished(why) => {
            lines.push(format!("the rotation of {id} isn't over: {why}"));
            lines.extend(unfinished(state));
            lines.push(format!("go on with: {}", again.resume(id)));
        }
        Ending::Superseded => {
            lines.push(format!(
                "superseded: {id} has a token that isn't ours: someone else's, or that of a request \
                 of ours that was executed twice or very late"
            ));
            let stranded = state.stranded().iter();
            lines.extend(stranded.map(|sink| {
                format!("  {} holds a token of ours that is dead", state.sinks()[*sink])
            }));
            lines.push(
                "whoever made that token has it; if nobody did, rotate again: that makes another"
                    .to_owned(),
            );
        }
        Ending::Lost(why) => {
            lines.push(format!(
                "lost: the token from before is dead, and nobody holds the one that replaced it: {why}"
            ));
            // Where the file says "fail", that counts for `resume` too.
            let all_the_same = match why {
                Obstacle::ByRequest => " --if-lost regenerate",
                _ => "",
            };
            lines.push(format!("ask for another: {}{all_the_same}", again.resume(id)));
        }
        Ending::Drift => {
            lines.push(format!("drift: nothing was changed; {}", found(state)));
            lines.extend(state.drift().iter().map(|drift| format!("  {}", words(drift, state))));
            lines.push(format!(
                "if nobody else looks after this token, rotate by hand, with the same sinks and without \
                 rotate-before, in a file too: {}",
                again.rotate(id)
            ));
        }
        Ending::CredentialEndsTooSoon => lines.push(
            "nothing was changed: this credential ends before the next rotation is due, which is \
             --expires-in less --rotate-before from now; give the next run a newer one, or tokens a \
             shorter life"
                .to_owned(),
        ),
        Ending::Gone if state.journal().unfinished().is_some() || last.is_some() => {
            lines.push(format!("the configuration {id} doesn't exist any more"));
        }
        Ending::Gone => lines.push(format!(
            "nothing was changed: there is no configuration {id} that this credential sees; those that it \
             sees are shown by: gitpodctl scim list"
        )),
        _ => lines.push(ending.name().to_owned()),
    }
    lines
}

fn found(state: &State) -> String {
    match state.found() {
        Some(at) => format!(
            "the token of {} expires at {at}",
            state.journal().configuration()
        ),
        None => format!(
            "the token of {} wasn't looked at",
            state.journal().configuration()
        ),
    }
}

/// A sink that can't tell is reported as not checked, never as well.
fn checked(state: &State) -> impl Iterator<Item = String> {
    state
        .sinks()
        .iter()
        .zip(state.verdicts())
        .map(|(sink, verdict)| {
            let said = match verdict {
                Some(Verdict::Works) => "what it holds works",
                Some(Verdict::Doesnt) => "what it holds doesn't work",
                _ => "not checked",
            };
            format!("  {sink}: {said}")
        })
}

fn unfinished(state: &State) -> Vec<String> {
    let Some(rotation) = state.journal().unfinished() else {
        return Vec::new();
    };
    let mut lines = vec![if rotation.old_token_dead() {
        "the token from before no longer works".to_owned()
    } else {
        "whether the token from before still works isn't known yet".to_owned()
    }];
    if rotation.old_token_dead() {
        let missing: Vec<_> = state.missing().collect();
        lines.extend(state.sinks().iter().enumerate().map(|(number, sink)| {
            if missing.contains(&number) {
                format!("  {sink}: doesn't have the new token yet")
            } else {
                format!("  {sink}: has the new token")
            }
        }));
    }
    lines
}

fn words(drift: &Drift, state: &State) -> String {
    let last = state.journal().last();
    let since = last.and_then(|last| last.at());
    let since = since.map(|at| format!(", as of {at}")).unwrap_or_default();
    match drift {
        Drift::Expiry => format!(
            "the expiry isn't the one that the last rotation ended with, {}{since}: someone else \
             replaced the token, or a request of ours was executed twice or very late",
            last.map(|last| last.expires_at().to_string())
                .unwrap_or_default()
        ),
        Drift::EndedBadly(End::Superseded) => {
            format!("the last rotation ended with sinks that hold a dead token{since}")
        }
        Drift::EndedBadly(End::Abandoned) => {
            "the last rotation was given up by a person, and none has been done since".to_owned()
        }
        Drift::EndedBadly(_) => format!("the last rotation didn't end well{since}"),
        Drift::Sink(sink) => format!("what {} holds doesn't work", state.sinks()[*sink]),
        _ => "something isn't as the last rotation left it".to_owned(),
    }
}

/// What `resume` says where there is nothing to go on with.
pub(super) fn nothing_unfinished(id: Option<&str>, form: Output) -> Result<Exit, Failure> {
    let of = id.map(|id| format!(" of {id}")).unwrap_or_default();
    let line = format!("no rotation{of} is unfinished");
    match form {
        Output::Json => output::result(&done(id, "nothing_unfinished", &[line]).to_string())?,
        Output::Table => output::note(&line),
    }
    Ok(Exit::Done)
}

/// The last event where no rotation was driven.
pub(super) fn done(id: Option<&str>, ending: &str, lines: &[String]) -> serde_json::Value {
    json!({
        "event": "ended",
        "configuration": id,
        "ending": ending,
        "exit_code": Exit::Done as u8,
        "says": lines,
    })
}

/// The last event.
pub(super) fn event(ending: Ending, state: &State, lines: &[String]) -> serde_json::Value {
    let missing: Vec<_> = state.missing().collect();
    let rotation = state.journal().unfinished();
    let sinks = state.sinks().iter().zip(state.verdicts()).enumerate();
    let sinks: Vec<_> = sinks
        .map(|(number, (sink, verdict))| {
            json!({
                "sink": sink,
                "verdict": verdict,
                "waits": rotation.is_some() && missing.contains(&number),
                "holds_dead_token": state.stranded().contains(&number),
            })
        })
        .collect();
    let expires_at = match ending {
        Ending::Done => state.journal().last().map(|last| last.expires_at()),
        _ => state.found(),
    };
    let drift: Vec<_> = state
        .drift()
        .iter()
        .map(|drift| words(drift, state))
        .collect();
    json!({
        "event": "ended",
        "configuration": state.journal().configuration(),
        "ending": ending.name(),
        "obstacle": ending.obstacle(),
        "exit_code": exit(ending) as u8,
        "expires_at": expires_at,
        "sinks": sinks,
        "drift": drift,
        "says": lines,
    })
}
