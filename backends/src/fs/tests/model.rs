//! What a power cut may leave on the disk: a model of a file system that promises no more than it
//! must.
//!
//! An entry of a directory that was made, renamed or removed is certain once that directory was
//! synced since. Until then it may be kept or lost, each for itself: later ones may be kept where
//! earlier ones are lost. The content of a file is certain once the file was synced since; until
//! then a file may be empty, cut off, or zeros. A rename is done or not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::watch::Event;

/// Below so many uncertain things every combination is tried; else some, by chance.
const EXHAUSTIVE: usize = 10;
/// How many are tried then.
const SAMPLES: usize = 300;

/// A tree that a power cut may leave: files with their content, directories with none.
pub(crate) type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Directory(usize),
}

#[derive(Debug, Clone)]
enum Change {
    Make(String, Node),
    Rename(String, String, Node),
    Remove(String),
}

/// A change of the entries of a directory.
#[derive(Debug, Clone)]
struct Step {
    directory: usize,
    change: Change,
    certain: bool,
}

#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    certain: bool,
}

type Entries = Vec<BTreeMap<String, Node>>;

/// A disk and what was done to it.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    /// What is directory 0: it was there before, for good.
    base: PathBuf,
    now: Entries,
    files: Vec<Content>,
    steps: Vec<Step>,
}

/// Numbers that look random and follow from a seed (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

impl Disk {
    /// A disk with one empty directory.
    pub(crate) fn new(base: &Path) -> Self {
        let now = vec![BTreeMap::new()];
        Self { base: base.to_owned(), now, files: Vec::new(), steps: Vec::new() }
    }

    /// Does what was done.
    pub(crate) fn play(&mut self, event: &Event) {
        match event {
            Event::Create(path) => {
                self.files.push(Content::default());
                self.make(path, Node::File(self.files.len() - 1));
            }
            Event::MakeDirectory(path) => {
                self.now.push(BTreeMap::new());
                self.make(path, Node::Directory(self.now.len() - 1));
            }
            Event::Write(path, bytes) => {
                let file = self.file(path);
                file.bytes.extend(bytes);
                file.certain = false;
            }
            Event::SyncFile(path) => self.file(path).certain = true,
            Event::Rename(from, to) => {
                let node = self.node(from).expect("what is renamed is there");
                let (directory, from) = self.place(from);
                let (other, to) = self.place(to);
                assert_eq!(directory, other, "the model knows renames in one directory only");
                self.step(directory, Change::Rename(from, to, node));
            }
            Event::Unlink(path) | Event::RemoveDirectory(path) => {
                let (directory, name) = self.place(path);
                self.step(directory, Change::Remove(name));
            }
            Event::SyncDirectory(path) => {
                // What is above the directory that the test watches is there for good.
                let Some(Node::Directory(directory)) = self.node(path) else { return };
                for step in self.steps.iter_mut().filter(|step| step.directory == directory) {
                    step.certain = true;
                }
            }
            Event::Reported => {}
        }
    }

    fn make(&mut self, path: &Path, node: Node) {
        let (directory, name) = self.place(path);
        self.step(directory, Change::Make(name, node));
    }

    fn step(&mut self, directory: usize, change: Change) {
        apply(&mut self.now[directory], &change);
        self.steps.push(Step { directory, change, certain: false });
    }

    fn node(&self, path: &Path) -> Option<Node> {
        let below = path.strip_prefix(&self.base).ok()?;
        below.components().try_fold(Node::Directory(0), |node, name| match node {
            Node::Directory(at) => self.now[at].get(name.as_os_str().to_str()?).copied(),
            Node::File(_) => None,
        })
    }

    /// The directory that a path is in, and its name there.
    fn place(&self, path: &Path) -> (usize, String) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match self.node(path.parent().unwrap()) {
            Some(Node::Directory(directory)) => (directory, name),
            _ => panic!("{} is in no directory", path.display()),
        }
    }

    fn file(&mut self, path: &Path) -> &mut Content {
        match self.node(path) {
            Some(Node::File(file)) => &mut self.files[file],
            _ => panic!("{} is no file", path.display()),
        }
    }

    /// Trees that a power cut may leave now.
    pub(crate) fn after_power_cut(&self, random: &mut Random) -> BTreeSet<Tree> {
        let uncertain: Vec<usize> =
            (0..self.steps.len()).filter(|&n| !self.steps[n].certain).collect();
        let mut trees = BTreeSet::new();
        for kept in choices(uncertain.len(), random) {
            let mut entries: Entries = vec![BTreeMap::new(); self.now.len()];
            let is_kept = |n: usize| uncertain.iter().position(|&u| u == n).is_none_or(|u| kept[u]);
            for (_, step) in self.steps.iter().enumerate().filter(|(n, _)| is_kept(*n)) {
                apply(&mut entries[step.directory], &step.change);
            }
            self.with_contents(&entries, random, &mut trees);
        }
        trees
    }

    /// The trees of these entries, with every content that their files may have.
    fn with_contents(&self, entries: &Entries, random: &mut Random, trees: &mut BTreeSet<Tree>) {
        let mut nodes = Vec::new();
        reach(entries, 0, Path::new(""), &mut nodes);
        // What a temporary file holds makes no difference.
        let is_temporary = |path: &Path| path.to_string_lossy().contains("/.bigarrays-");
        let torn: Vec<usize> = nodes
            .iter()
            .filter(|(path, _)| !is_temporary(path))
            .filter_map(|(_, node)| match node {
                Node::File(file) if !self.files[*file].certain => Some(*file),
                _ => None,
            })
            .collect();
        // Two bits choose how a file is torn.
        for chosen in choices(2 * torn.len(), random) {
            let content = |file: usize| {
                let bytes = &self.files[file].bytes;
                let Some(at) = torn.iter().position(|&torn| torn == file) else {
                    return bytes.clone();
                };
                match (chosen[2 * at], chosen[2 * at + 1]) {
                    (false, false) => bytes.clone(),
                    (false, true) => Vec::new(),
                    (true, false) => bytes[..bytes.len() / 2].to_vec(),
                    (true, true) => vec![0; bytes.len()],
                }
            };
            let tree = nodes.iter().map(|(path, node)| match node {
                Node::File(file) => (path.clone(), Some(content(*file))),
                Node::Directory(_) => (path.clone(), None),
            });
            trees.insert(tree.collect());
        }
    }
}

fn apply(entries: &mut BTreeMap<String, Node>, change: &Change) {
    match change {
        Change::Make(name, node) => drop(entries.insert(name.clone(), *node)),
        Change::Rename(from, to, node) => {
            entries.remove(from);
            entries.insert(to.clone(), *node);
        }
        Change::Remove(name) => drop(entries.remove(name)),
    }
}

fn reach(entries: &Entries, directory: usize, path: &Path, nodes: &mut Vec<(PathBuf, Node)>) {
    for (name, &node) in &entries[directory] {
        let path = path.join(name);
        nodes.push((path.clone(), node));
        if let Node::Directory(below) = node {
            reach(entries, below, &path, nodes);
        }
    }
}

/// Ways to decide so many questions: all of them if they are few; else none, all, each alone, all
/// but each, and some by chance.
fn choices(count: usize, random: &mut Random) -> Vec<Vec<bool>> {
    if count <= EXHAUSTIVE {
        return (0..1_usize << count)
            .map(|bits| (0..count).map(|n| bits >> n & 1 == 1).collect())
            .collect();
    }
    let mut all = vec![vec![false; count], vec![true; count]];
    for n in 0..count {
        all.push((0..count).map(|m| m == n).collect());
        all.push((0..count).map(|m| m != n).collect());
    }
    all.extend((0..SAMPLES).map(|_| (0..count).map(|_| random.below(2) == 1).collect()));
    all
}
