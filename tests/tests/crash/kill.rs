//! Starting writers and killing them.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bigarrays::{Cleaned, StoreUrl};
use bigarrays_tests::matrix::Random;

use crate::place::{Kind, Open, Place};
use crate::script::{KEYS, Step, step};

/// What a child is to do: its place, its seed and its first step.
const WORK: &str = "BIGARRAYS_TEST_CRASH_WORK";
/// What its own lines begin with.
const MARK: &str = "crash: ";
/// A writer that nobody kills ends by itself after so many steps: then the parent is gone.
const MOST_STEPS: u64 = 100_000;

/// How many writers are killed: few in every run; in a long one as many as it says, divided by
/// `share` where a round takes long.
pub(crate) fn rounds_or(few: u64, share: u64) -> u64 {
    let many = env::var("BIGARRAYS_KILL_ROUNDS").ok();
    let many = many.map(|many| many.parse().expect("BIGARRAYS_KILL_ROUNDS is a number"));
    many.map_or(few, |many: u64| (many / share).max(1))
}

/// The seed of this run.
pub(crate) fn seed() -> u64 {
    let given = env::var("BIGARRAYS_KILL_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    let now = u64::from(now.subsec_nanos()) ^ now.as_secs();
    given.map_or(now, |seed| seed.parse().expect("BIGARRAYS_KILL_SEED is a number"))
}

#[expect(clippy::print_stderr, reason = "a run must be told apart from others, and repeated")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn say(text: &str) {
    println!("{MARK}{text}");
}

/// Does what the parent wants, if there is one.
pub(crate) fn work() {
    let Ok(work) = env::var(WORK) else { return };
    let [url, kind, seed, first] = work.split('\n').collect::<Vec<_>>()[..] else {
        panic!("a job has four words");
    };
    let kinds = [Kind::Values, Kind::Cuboids, Kind::Chunks, Kind::Shards];
    let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind).expect("a kind");
    let place = Place { url: url.to_owned(), kind };
    let (seed, first) = (seed.parse().expect("a seed"), first.parse().expect("a number"));
    say("begins");
    let open = place.open();
    say("is ready");
    for number in first..first + MOST_STEPS {
        open.act(&step(seed, number), number);
        say(&number.to_string());
    }
}

fn start(place: &Place, seed: u64, first: u64) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "a_writer_works_until_it_is_killed", "--nocapture"])
        .env(WORK, format!("{}\n{:?}\n{seed}\n{first}", place.url, place.kind))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process starts")
}

/// The lines that a child prints for its parent.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let output: BufReader<ChildStdout> = BufReader::new(child.stdout.take().expect("its output"));
    let lines = output.lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned))
}

/// Starts a writer, kills it at a random instant, and gives the last step that it reported.
fn kill_one(place: &Place, seed: u64, first: u64, random: &mut Random) -> Option<u64> {
    let mut child = start(place, seed, first);
    let mut lines = lines(&mut child);
    // Before it opens the store, while it does, and during its first steps.
    let last_line = random.below(12);
    let mut last = None;
    let mut before = Instant::now();
    let mut pace = Duration::from_millis(2);
    for n in 0..=last_line {
        let Some(line) = lines.next() else {
            panic!("a writer ended by itself: {}", child.wait().expect("its end"));
        };
        last = line.parse().ok().or(last);
        if n > 1 {
            pace = before.elapsed();
        }
        before = Instant::now();
    }
    // Somewhere in the next step, or the one after: these take about as long as the last one.
    let most = usize::try_from(pace.as_micros()).unwrap_or(0).clamp(200, 20_000) * 2;
    let microseconds = u64::try_from(random.below(most)).expect("small");
    thread::sleep(Duration::from_micros(microseconds));
    child.kill().expect("it is killed");
    // What it had printed before counts, too.
    for line in lines {
        last = line.parse().ok().or(last);
    }
    let status = child.wait().expect("its end");
    assert!(!status.success(), "a writer ended by itself");
    last
}

/// What a run saw, to know that its kills hit something.
#[derive(Default)]
struct Seen {
    /// Steps that were reported.
    steps: u64,
    /// Steps under way that had taken effect, in part or as a whole.
    under_way: u64,
    /// Steps under way that had taken effect for some keys only.
    halves: u64,
    leftovers: u64,
}

/// Kills writers of a place, one after the other, and looks at what each leaves; how many as
/// [`rounds_or`] says.
pub(crate) fn rounds(place: &Place, few: u64, share: u64) {
    let seed = seed();
    let rounds = rounds_or(few, share);
    note(&format!("{rounds} writers of {} ({:?}), seed {seed}", place.url, place.kind));
    place.make();
    let mut random = Random::new(&format!("kills of {seed}"));
    let mut state = vec![None; KEYS];
    let mut seen = Seen::default();
    for round in 0..rounds {
        let first = 1 + round * 2 * MOST_STEPS;
        let last = kill_one(place, seed, first, &mut random);
        let mut next = first;
        if let Some(last) = last {
            for number in first..=last {
                step(seed, number).apply(number, &mut state);
            }
            seen.steps += last + 1 - first;
            next = last + 1;
        }
        let under_way = step(seed, next);
        let mut done = state.clone();
        under_way.apply(next, &mut done);
        let open = place.open();
        let found = open.look();
        check(place, &under_way, &state, &done, &found, &mut seen);
        open.check_listing(&found);
        state = found;
        // The next write works.
        let number = first + MOST_STEPS;
        let own = match round % 3 {
            0 => Step::Put(random.below(KEYS)),
            1 => Step::Swap(random.below(KEYS)),
            _ => under_way,
        };
        open.act(&own, number);
        own.apply(number, &mut state);
        assert_eq!(open.look(), state, "after the next write, {own:?}");
        seen.leftovers += clean(place, &open, &state, round % 8 == 7 || round + 1 == rounds);
    }
    let path = place.url.strip_prefix("sqlite://").map(Path::new);
    if let Some(folder) = path.and_then(Path::parent) {
        // Nobody has it open now.
        let files = fs::read_dir(folder).expect("a folder").count();
        assert_eq!(files, 1, "something is left beside the file");
    }
    let Seen { steps, under_way, halves, leftovers } = seen;
    note(&format!(
        "{} ({:?}): {rounds} writers killed after {steps} steps; of the steps under way {under_way} \
         had taken effect, {halves} of them for some keys only; {leftovers} temporary files removed",
        place.url, place.kind
    ));
}

/// Every key is as it was, or as the step under way makes it; together where they go together.
fn check(
    place: &Place,
    under_way: &Step,
    before: &[Option<u64>],
    after: &[Option<u64>],
    found: &[Option<u64>],
    seen: &mut Seen,
) {
    let story = || format!("{under_way:?} was under way: {before:?} -> {after:?}, not {found:?}");
    let mut taken = [false; KEYS];
    for n in 0..KEYS {
        assert!(found[n] == before[n] || found[n] == after[n], "key {n}: {}", story());
        taken[n] = found[n] != before[n];
    }
    let changed: Vec<usize> =
        under_way.keys().into_iter().filter(|&n| before[n] != after[n]).collect();
    for &n in &changed {
        for &other in &changed {
            let together = place.group(n).is_some() && place.group(n) == place.group(other);
            assert!(!together || taken[n] == taken[other], "a mixture: {}", story());
        }
    }
    seen.under_way += u64::from(changed.iter().any(|&n| taken[n]));
    let is_half = changed.iter().any(|&n| taken[n]) && changed.iter().any(|&n| !taken[n]);
    seen.halves += u64::from(is_half);
}

/// Removes what the killed writers left, if it is time; how many files there were.
fn clean(place: &Place, open: &Open, state: &[Option<u64>], now: bool) -> u64 {
    if !now || !place.leaves_files() {
        return 0;
    }
    let url = StoreUrl::parse(&place.url).expect("a URL");
    let here = leftovers_in(Path::new(url.location()));
    let counted = bigarrays::leftovers(&place.url, Duration::ZERO).expect("it is counted");
    assert_eq!(counted, Cleaned::Files(here), "as many as there are");
    // Young ones may belong to a writer that lives.
    let young = bigarrays::clean(&place.url, Duration::from_secs(3600)).expect("it is cleaned");
    assert_eq!(young, Cleaned::Files(0));
    let cleaned = bigarrays::clean(&place.url, Duration::ZERO).expect("it is cleaned");
    assert_eq!(cleaned, Cleaned::Files(here), "all are removed");
    assert_eq!(leftovers_in(Path::new(url.location())), 0);
    assert_eq!(open.look(), state, "after cleaning");
    here
}

/// How many files below a directory have names of the store's own.
pub(crate) fn leftovers_in(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let count = |entry: fs::DirEntry| {
        if entry.file_type().expect("a type").is_dir() {
            return leftovers_in(&entry.path());
        }
        u64::from(entry.file_name().to_string_lossy().starts_with(".bigarrays-"))
    };
    entries.map(|entry| count(entry.expect("an entry"))).sum()
}
