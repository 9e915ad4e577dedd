//! One rotation: processes in a world where things go wrong, then one in a world where nothing does.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitpod_rotation::{
    Action, Driver, End, Ending, IfLost, Plan, RunError, ScimEndpoint, State, Stop, Store,
};

use crate::disk::Disk;
use crate::faults;
use crate::signals::{Ended, Signals};
use crate::sinks::Held;
use crate::time::VirtualClock;
use crate::world::{World, random};

const DAY: Duration = Duration::from_secs(86_400);
/// How long any request of ours may still be on its way.
const LATEST: Duration = Duration::from_secs(700);
/// How often a person or a scheduler would resume what isn't over.
const RESUMES: usize = 8;

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) lost: bool,
    pub(crate) printed: bool,
    /// What the run without faults said.
    pub(crate) ending: String,
    /// What happened, for whoever looks into it.
    pub(crate) story: String,
}

/// One configuration, and everything about it.
struct Simulation<'a> {
    world: &'a World,
    random: fastrand::Rng,
    id: String,
    folder: tempfile::TempDir,
    sinks: Vec<Held>,
    disk: Disk,
    /// The SCIM endpoint's URL is known.
    probes: bool,
    clock: VirtualClock,
    story: Arc<Mutex<String>>,
}

/// How a process ended.
enum Process {
    Died,
    Ended(Ending),
    /// It couldn't begin, in these words.
    Refused(String),
}

pub(crate) async fn simulate(world: &World, seed: u64, number: u64) -> Outcome {
    let mut random = random(seed, number);
    let issued = world.server.tokens_issued().len();
    let (id, token) = world.configuration().await;
    let folder = tempfile::tempdir_in(&world.folder).expect("a folder");
    let sinks = Held::some(world, &mut random, folder.path(), &token);
    let mut simulation = Simulation {
        clock: VirtualClock::new(world.clock.clone()),
        disk: Disk::new(random.fork()),
        probes: random.u8(0..4) == 0,
        world,
        random,
        id,
        folder,
        sinks,
        story: Arc::default(),
    };
    simulation.tell(&format!("{:?}", world.quirks));
    simulation.clock.leap(DAY).await;
    let (lost, ending) = simulation
        .run()
        .await
        .unwrap_or((true, "it didn't end".to_owned()));
    let journal = simulation.journal_text();
    let story = format!("{}\n{journal}", simulation.told());
    let printed = world.server.tokens_issued()[issued..]
        .iter()
        .any(|token| story.contains(token));
    Outcome {
        lost,
        ending,
        printed,
        story: if printed {
            "a token is in what was told".to_owned()
        } else {
            story
        },
    }
}

impl Simulation<'_> {
    fn tell(&self, what: &str) {
        let mut story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(story, "{what}");
    }

    fn told(&self) -> String {
        let story = self.story.lock().unwrap_or_else(PoisonError::into_inner);
        story.clone()
    }

    fn journal_text(&self) -> String {
        let path = self.folder.path().join("state");
        let path = path.join(format!("{}.journal.json", self.id));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Whether a token was lost unnoticed, and what was said at last.
    async fn run(&mut self) -> Option<(bool, String)> {
        for _ in 0..self.random.usize(1..4) {
            // Either a person's run, or a scheduler's when it is time.
            let before = (self.random.u8(0..4) == 0).then_some(DAY * 400);
            let ended = self.process(before, true).await;
            self.clock
                .pass(Duration::from_secs(self.random.u64(0..40)))
                .await;
            match ended {
                Process::Died => {}
                Process::Ended(ending) => self.tell(&format!("ended: {ending:?}")),
                Process::Refused(why) => self.tell(&format!("refused: {why}")),
            }
        }
        // From here on nothing goes wrong, and no request is on its way any more.
        self.world.server.clear_faults();
        self.sinks.iter().for_each(Held::mend);
        self.disk.mend();
        self.clock.pass(LATEST).await;
        let mut said = String::new();
        for _ in 0..RESUMES {
            let (unfinished, _) = self.journal()?;
            if !unfinished {
                break;
            }
            said = match self.process(None, false).await {
                Process::Ended(ending) => format!("{ending:?}"),
                Process::Refused(why) => format!("refused: {why}"),
                Process::Died => "died".to_owned(),
            };
            self.tell(&format!("without faults: {said}"));
        }
        let (unfinished, finished_one) = self.journal()?;
        if unfinished {
            // It says so whenever anybody runs it: told, and not lost unnoticed.
            return Some((false, format!("told: {said}")));
        }
        let held = self.sinks.iter().all(|sink| sink.holds_live(self.world));
        if held {
            return Some((false, "the sinks hold the live token".to_owned()));
        }
        let next = match self.process(Some(Duration::ZERO), false).await {
            Process::Ended(Ending::NothingDue) => {
                // Before the first token of ours there is nothing to compare with, and such a run
                // reports the sinks that can't tell as not checked.
                let checked = finished_one || self.sinks.iter().all(Held::can_tell);
                return Some((checked, "not checked, and said so".to_owned()));
            }
            Process::Ended(ending) => format!("told: {ending:?}"),
            Process::Refused(_) => "told: refused to begin".to_owned(),
            Process::Died => return None,
        };
        self.tell(&next);
        Some((false, next))
    }

    /// Whether a rotation isn't over, and whether the last one that was ended well. (A journal that
    /// can't be read would be a finding of its own.)
    fn journal(&self) -> Option<(bool, bool)> {
        let store = self.store()?;
        let journal = store.load().expect("a journal, or none");
        let unfinished = journal.as_ref().is_some_and(|j| j.unfinished().is_some());
        let last = journal.as_ref().and_then(|journal| journal.last());
        let finished = last.is_some_and(|last| last.end() == End::Finished);
        Some((unfinished, finished))
    }

    /// What is still being written by a process that died is written before the lock is free, and what
    /// it cost that the power went shows then.
    fn store(&self) -> Option<Store> {
        let folder = self.folder.path().join("state");
        for _ in 0..100_000 {
            match Store::open_anywhere(&folder, &self.id) {
                Ok(store) => {
                    self.disk.comes_back();
                    let disk = self.disk.clone();
                    return Some(store.interfere(move |step, path| disk.step(step, path)));
                }
                Err(error) if error.is_locked() => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        None
    }

    async fn process(&mut self, rotate_before: Option<Duration>, faults: bool) -> Process {
        let Some(store) = self.store() else {
            return Process::Refused("locked".to_owned());
        };
        let sinks: Vec<_> = self.sinks.iter().map(Held::sink).collect();
        let plan = Plan {
            rotate_before,
            if_lost: if faults && self.random.u8(0..8) == 0 {
                IfLost::Fail
            } else {
                IfLost::Regenerate
            },
            ..Plan::new(
                self.id.as_str(),
                sinks.iter().map(|sink| sink.name().to_owned()),
            )
        };
        let story = Arc::clone(&self.story);
        let stop = Stop::new();
        let mut driver = Driver::new(self.world.client(), store, sinks)
            .expect("the settings are right")
            .clock(self.clock.clone())
            .random(self.random.u64(..))
            .stop_on(stop.clone())
            .observe(move |report| {
                let mut story = story.lock().unwrap_or_else(PoisonError::into_inner);
                let json = serde_json::to_string(report);
                let _ = writeln!(story, "  {}", json.unwrap_or_default());
            });
        if self.probes {
            let endpoint = ScimEndpoint::new(self.world.server.scim_base_url());
            driver = driver.scim_endpoint(endpoint.expect("a URL"));
        }
        let mut run = match driver.begin(plan) {
            Ok(run) => run,
            Err(RunError::Start(error)) => return Process::Refused(error.to_string()),
            Err(error) => panic!("{error}"),
        };
        let mut signals = Signals::default();
        loop {
            if faults {
                self.meanwhile(run.state()).await;
                if self.random.u8(..) < 10 {
                    return self.dies("  a process dies");
                }
                if let Some(what) = signals.come(&stop, &mut self.random) {
                    self.tell(what);
                }
            }
            // A process dies amid an action too: when it waits for the so-manieth time.
            let dies = (faults && self.random.u8(..) < 8).then(|| self.random.u8(0..4));
            let more = match signals.amid(run.act(), &stop, dies).await {
                Ended::Died => return self.dies("  a process dies amid an action"),
                _ if self.disk.is_dead() => return self.dies("  a process dies amid a write"),
                Ended::AtOnce => return self.dies("  a second signal ends it at once"),
                Ended::Acted(more) => more,
            };
            if !more {
                let state = run.state();
                self.tell(&format!("  {state:?}"));
                return match state.ending() {
                    Some(ending) => Process::Ended(ending),
                    None => Process::Died,
                };
            }
            self.clock
                .pass(Duration::from_millis(self.random.u64(0..300)))
                .await;
        }
    }

    fn dies(&mut self, how: &str) -> Process {
        self.disk.process_dies(&mut self.random);
        self.tell(how);
        Process::Died
    }

    /// What happens before an action.
    async fn meanwhile(&mut self, state: &State) {
        // What an action that wasn't done left behind isn't for others.
        self.world.server.clear_faults();
        match self.random.u16(0..1000) {
            0..4 => {
                // Where a request of ours may be on its way, a life that is like ours by chance is
                // what no rule closes.
                let life = DAY * self.random.u32(30..60);
                let token = self.world.regenerate(&self.id, life).await;
                let pushes = self.random.bool();
                if pushes {
                    self.sinks.iter().for_each(|sink| sink.put(&token));
                }
                self.tell(&format!("  another administrator; pushes: {pushes}"));
            }
            4..8 => {
                self.clock
                    .pass_for_the_server(Duration::from_secs(600))
                    .await;
                self.tell("  this machine sleeps");
            }
            // Their clock is set back, by less than what is allowed for.
            8..11 if !self.world.coarse => {
                let back = Duration::from_nanos(self.random.u64(0..2_000_000_000));
                self.world.clock.rewind(back);
                self.tell("  the service's clock goes back");
            }
            11..17 => {
                self.sinks.iter().for_each(Held::mend);
                self.disk.mend();
            }
            _ => {}
        }
        let action = state.action();
        let writes = matches!(
            action,
            Action::ReserveEscrow
                | Action::SaveJournal
                | Action::WriteEscrow { .. }
                | Action::RemoveEscrow
        );
        match self.random.u8(..) {
            0..12 if writes => {
                let what = self.disk.spoil(&mut self.random);
                self.tell(&format!("  fault: {what}"));
            }
            12..18 if writes => self.disk.dies_in(self.random.u8(0..6)),
            _ => {}
        }
        if let Some(what) = faults::spoil(self.world, &mut self.random, &action) {
            self.tell(&format!("  fault: {what}"));
        }
        if matches!(
            action,
            Action::Preflight { .. } | Action::Push { .. } | Action::Verify { .. }
        ) && self.random.u8(..) < 20
        {
            let sink = self.random.usize(0..self.sinks.len());
            if let Some(what) = self.sinks[sink].spoil(&mut self.random) {
                self.tell(&format!("  fault: {what}"));
            }
        }
    }
}
