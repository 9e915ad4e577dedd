//! docs/rotate-by-hand.md.

use gitpod_testing::EntraRight;

use super::{Person, blocks};
use crate::rotate::accepts;
use crate::rotate::entra::WithEntra;

const PAGE: &str = include_str!("../../../docs/rotate-by-hand.md");
const ENTRA: &str = "Into Microsoft Entra ID";

/// An `az` that is signed in, as the page calls it.
fn signed_in(world: &WithEntra) {
    let token = world.entra.access_token();
    let id = world.entra.service_principal_id();
    world.az(&format!(
        r#"case "$*" in
login) ;;
"ad sp list --display-name Ona --query [].id --output tsv") echo {id} ;;
"account get-access-token --resource-type ms-graph --query accessToken --output tsv") echo {token} ;;
"account get-access-token --resource-type ms-graph --output json"*) echo '{{"accessToken":"{token}"}}' ;;
*) echo "az $*?" >&2; exit 2 ;;
esac"#
    ));
}

#[test]
fn every_command() {
    let world = WithEntra::new();
    signed_in(&world);
    let setting = &world.setting;
    let mut command = world.command(&[]);
    command.env_remove("ENTRA_SERVICE_PRINCIPAL_ID");
    let person = Person::new(setting, &command);
    let blocks = blocks(PAGE);
    assert!(blocks.len() >= 11, "{blocks:?}");
    let mut seen = 0;
    for block in &blocks {
        person.run(block);
        if block.heading == ENTRA {
            assert!(world.provisions(), "{block:?}");
            seen += 1;
        }
    }
    assert!(seen >= 3 && world.entra.writes() >= 1);
    let held = std::fs::read_to_string(setting.folder().join("store/scim-token"));
    assert!(accepts(setting.server(), &held.expect("a file")));
}

/// The page's table of red lines: each is one that the checklist has, and is on the page.
#[test]
fn every_red_line_of_entra() {
    let is_on_the_page = |words: &str| assert!(PAGE.contains(&format!("| … {words} …")), "{words}");
    let says = |world: &WithEntra, set: &[(&str, &str)], code: i32, mark: &str, words: &str| {
        let mut command = world.command(&["rotate", "--to", "entra", "--dry-run"]);
        command.envs(set.iter().copied());
        let run = world.finish(command).expect(code);
        let line = run.stdout.lines().find(|line| line.contains(words));
        let line = line.unwrap_or_else(|| panic!("no {words:?} in {run:#?}"));
        assert!(line.starts_with(mark), "{line}");
        is_on_the_page(words);
    };
    let world = WithEntra::new();
    let token = world.entra.access_token();
    let token = ("GRAPH_TOKEN", &*token);
    let path = world.az("exit 1");
    let path = format!("{}:/usr/bin:/bin", path.display());
    let alone = [("PATH", &*path)];
    says(&world, &alone, 20, "WRONG", "sign in with `az login`");
    let other = (
        "ENTRA_SERVICE_PRINCIPAL_ID",
        "d2c94c27-3b76-4a42-b88c-95a85e392c68",
    );
    let none = "there is no such enterprise application";
    says(&world, &[token, other], 20, "WRONG", none);
    let address = ("ENTRA_BASE_ADDRESS", "https://example.com/scim");
    says(
        &world,
        &[token, address],
        20,
        "WRONG",
        "correct the wrong one",
    );
    world.entra.save("SecretToken", "none that works");
    let dead = "Entra can't use the token that it holds";
    says(&world, &[token], 0, "?", dead);
    world.entra.pause();
    says(&world, &[token], 0, "?", "the provisioning job is paused");
    world.entra.revoke(EntraRight::Write);
    says(&world, &[token], 20, "WRONG", "the right is missing");
    world.entra.expire_access_tokens();
    let expired = "the access token isn't valid any more";
    says(&world, &[token], 20, "WRONG", expired);
    world.setting.is_unchanged();

    let world = WithEntra::with(gitpod_testing::EntraBuilder::masks_all);
    let token = world.entra.access_token();
    let hidden = "Entra doesn't show the SCIM endpoint's URL";
    says(&world, &[("GRAPH_TOKEN", &token)], 20, "WRONG", hidden);
    world.setting.is_unchanged();
}
