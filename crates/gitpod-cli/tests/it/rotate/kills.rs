//! `kill -9` at random moments.

use std::thread;
use std::time::{Duration, Instant};

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::Fault;

use super::{Setting, accepts};

/// How often, unless `GITPOD_ROTATION_KILLS` says so. CI has 200.
const KILLS: usize = 12;

/// Numbers that are as good as random (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % end
    }
}

/// Whatever the moment, `resume` leads to a sink that holds the live token.
#[test]
fn a_killed_rotation_is_resumed() {
    let kills = std::env::var("GITPOD_ROTATION_KILLS");
    let kills = kills.map_or(KILLS, |text| text.parse().expect("a number"));
    let setting = Setting::new();
    let began = Instant::now();
    setting.rotate(&["--settle", "1s"]).expect(0);
    let whole = u64::try_from(began.elapsed().as_micros()).expect("a short time");
    let mut random = Random(1);
    let (mut amid, mut unfinished) = (0, 0);
    for _ in 0..kills {
        // So that more of them hit the moment that matters.
        let held = Duration::from_micros(random.below(whole / 2));
        let fault = setting
            .server()
            .inject(Fault::delay_answer(held).on::<RegenerateScimToken>());
        let mut child = setting
            .rotation(&["--settle", "1s"])
            .spawn()
            .expect("the binary runs");
        thread::sleep(Duration::from_micros(random.below(whole + whole / 2)));
        child.kill().expect("it is ours");
        amid += usize::from(setting.finish(child).code != Some(0));
        fault.cancel();
        unfinished += usize::from(setting.journal().contains("\"attempts\""));
        // What was on its way is at the server by now: these come behind it.
        for _ in 0..3 {
            accepts(setting.server(), &setting.held());
        }
        setting.server().clock().advance(Duration::from_secs(120));
        setting.resume(&[]).expect(0);
        assert!(
            accepts(setting.server(), &setting.held()),
            "the sink holds a dead token"
        );
        assert!(!setting.journal().contains("\"attempts\""), "it is over");
    }
    // It isn't idle, as far as so many can tell.
    if kills >= 100 {
        assert!(amid > kills / 4, "{amid} of {kills} were amid a run");
        assert!(
            unfinished > kills / 20,
            "{unfinished} of {kills} were to be resumed"
        );
    }
}
