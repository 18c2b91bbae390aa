//! Which watched directory matters to which key, and what an event of the kernel means to each: pure.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::hash::Hash;
use std::rc::Rc;

use nix::sys::inotify::AddWatchFlags;

use crate::ENTRIES;

/// What happens to an entry that can make a path lead elsewhere, or nowhere: also that it may no longer be searched.
pub(crate) const PATH: AddWatchFlags = ENTRIES.union(AddWatchFlags::IN_ATTRIB);

/// What was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<K> {
    /// Something happened to an entry of a directory that is watched for this key.
    Entry {
        /// What the directory is watched for.
        key: K,
        /// The name of the entry.
        name: OsString,
        /// What happened, as inotify(7) says it.
        mask: AddWatchFlags,
    },
    /// A path that is watched for this key may lead elsewhere now, or a directory that is watched for it has gone: watch
    /// again, then look.
    PathChanged(K),
    /// Events were lost: watch every path again, then look at everything.
    Overflow,
}

/// Why a watched directory matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The entry of this name is on a path.
    OnPath(Rc<OsStr>),
    /// Its entries themselves matter.
    Entries,
}

/// The keys that one name matters to. It is mostly one, for each of thousands of names.
#[derive(Debug)]
#[expect(clippy::box_collection, reason = "a set itself takes more room than the one key, with each name")]
enum Keys<K> {
    One(K),
    Many(Box<HashSet<K>>),
}

impl<K: Clone + Eq + Hash> Keys<K> {
    fn insert(&mut self, key: &K) {
        match self {
            Keys::One(one) if *one == *key => {}
            Keys::One(one) => *self = Keys::Many(Box::new(HashSet::from([one.clone(), key.clone()]))),
            Keys::Many(many) => drop(many.insert(key.clone())),
        }
    }

    /// Removes a key; whether none is left, so that the set has to go.
    fn remove(&mut self, key: &K) -> bool {
        match self {
            Keys::One(one) => one == key,
            Keys::Many(many) => many.remove(key) && many.is_empty(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &K> {
        let (one, many) = match self {
            Keys::One(one) => (Some(one), None),
            Keys::Many(many) => (None, Some(many.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// What one watched directory is watched for.
#[derive(Debug)]
struct Directory<K> {
    names: HashMap<Rc<OsStr>, Keys<K>>,
    entries: HashMap<K, AddWatchFlags>,
}

/// All watched directories, by a descriptor `D`, and the keys they are watched for.
#[derive(Debug)]
pub(crate) struct Interests<D, K> {
    directories: HashMap<D, Directory<K>>,
    by_key: HashMap<K, Vec<(D, Reason)>>,
}

impl<D: Copy + Eq + Hash, K: Clone + Eq + Hash> Interests<D, K> {
    pub(crate) fn new() -> Interests<D, K> {
        Interests { directories: HashMap::new(), by_key: HashMap::new() }
    }

    /// The entry `name` of a directory is on a path of this key.
    pub(crate) fn add_name(&mut self, directory: D, name: &OsStr, key: &K) {
        let names = &mut self.directory(directory).names;
        let name = match names.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => Rc::from(name),
        };
        names.entry(name.clone()).or_insert_with(|| Keys::One(key.clone())).insert(key);
        self.remember(key, directory, Reason::OnPath(name));
    }

    /// What happens to the entries of a directory matters to this key, as far as `mask` says.
    pub(crate) fn add_entries(&mut self, directory: D, mask: AddWatchFlags, key: &K) {
        let known = self.directory(directory).entries.entry(key.clone()).or_insert(AddWatchFlags::empty());
        *known |= mask;
        self.remember(key, directory, Reason::Entries);
    }

    fn directory(&mut self, directory: D) -> &mut Directory<K> {
        let none = || Directory { names: HashMap::new(), entries: HashMap::new() };
        self.directories.entry(directory).or_insert_with(none)
    }

    fn remember(&mut self, key: &K, directory: D, reason: Reason) {
        let list = self.by_key.entry(key.clone()).or_default();
        let entry = (directory, reason);
        if !list.contains(&entry) {
            list.push(entry);
        }
    }

    /// Takes the list of what is watched for this key, to compare it with the next one. `drop_old` must follow.
    pub(crate) fn take_list(&mut self, key: &K) -> Vec<(D, Reason)> {
        self.by_key.remove(key).unwrap_or_default()
    }

    /// Drops what was watched for this key and is not watched for it any more. Directories of no use to any key are
    /// returned, to be unwatched.
    pub(crate) fn drop_old(&mut self, key: &K, old: Vec<(D, Reason)>) -> Vec<D> {
        let mut unused = Vec::new();
        for (id, reason) in old {
            if self.by_key.get(key).is_some_and(|list| list.contains(&(id, reason.clone()))) {
                continue;
            }
            let Some(directory) = self.directories.get_mut(&id) else { continue };
            match reason {
                Reason::Entries => drop(directory.entries.remove(key)),
                Reason::OnPath(name) => {
                    let keys = directory.names.get_mut(&name);
                    if keys.is_some_and(|keys| keys.remove(key)) {
                        directory.names.remove(&name);
                    }
                }
            }
            if directory.names.is_empty() && directory.entries.is_empty() {
                self.directories.remove(&id);
                unused.push(id);
            }
        }
        unused
    }

    /// What an event means. `name` is `None` for the directory itself.
    pub(crate) fn meaning(&mut self, id: D, mask: AddWatchFlags, name: Option<&OsStr>) -> Vec<Event<K>> {
        if mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return vec![Event::Overflow];
        }
        if mask.contains(AddWatchFlags::IN_IGNORED) {
            return self.gone(id);
        }
        let (Some(directory), Some(name)) = (self.directories.get(&id), name) else { return Vec::new() };
        let on_path = directory.names.get(name).filter(|_| mask.intersects(PATH)).into_iter().flat_map(Keys::iter);
        let changed = on_path.map(|key| Event::PathChanged(key.clone()));
        let interested = directory.entries.iter().filter(|(_, wanted)| mask.intersects(**wanted));
        let entries = interested.map(|(key, _)| Event::Entry { key: key.clone(), name: name.to_owned(), mask });
        changed.chain(entries).collect()
    }

    /// The directory has gone, and the kernel's watch with it.
    fn gone(&mut self, id: D) -> Vec<Event<K>> {
        let Some(directory) = self.directories.remove(&id) else { return Vec::new() };
        let named = directory.names.values().flat_map(Keys::iter);
        let keys: HashSet<K> = named.chain(directory.entries.keys()).cloned().collect();
        for key in &keys {
            if let Some(list) = self.by_key.get_mut(key) {
                list.retain(|(directory, _)| *directory != id);
            }
        }
        keys.into_iter().map(Event::PathChanged).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: AddWatchFlags = AddWatchFlags::IN_CREATE;
    const OPENED: AddWatchFlags = AddWatchFlags::IN_OPEN;

    fn meaning(interests: &mut Interests<u8, char>, id: u8, mask: AddWatchFlags, name: &str) -> Vec<Event<char>> {
        interests.meaning(id, mask, Some(OsStr::new(name)))
    }

    #[test]
    fn a_directory_means_to_each_key_what_it_is_watched_for() {
        let mut interests = Interests::new();
        interests.add_name(1, OsStr::new("web"), &'w');
        interests.add_entries(1, ENTRIES, &'s');
        let entry = |name: &str| Event::Entry { key: 's', name: name.into(), mask: CREATED };
        assert_eq!(meaning(&mut interests, 1, CREATED, "web"), [Event::PathChanged('w'), entry("web")]);
        assert_eq!(meaning(&mut interests, 1, CREATED, "dns"), [entry("dns")]);
        // An opening matters to neither, although another key may have the kernel report it.
        assert_eq!(meaning(&mut interests, 1, OPENED, "web"), []);
        assert_eq!(meaning(&mut interests, 2, CREATED, "web"), []);
        let overflow = AddWatchFlags::IN_Q_OVERFLOW;
        assert_eq!(interests.meaning(9, overflow, None), [Event::Overflow]);
    }

    #[test]
    fn what_a_path_no_longer_leads_through_is_forgotten() {
        let mut interests = Interests::new();
        interests.add_name(1, OsStr::new("web"), &'w');
        interests.add_name(2, OsStr::new("web"), &'w');
        interests.add_name(2, OsStr::new("dns"), &'d');
        let old = interests.take_list(&'w');
        interests.add_name(3, OsStr::new("web"), &'w');
        assert_eq!(interests.drop_old(&'w', old), [1]);
        assert_eq!(meaning(&mut interests, 2, CREATED, "web"), []);
        assert_eq!(meaning(&mut interests, 2, CREATED, "dns"), [Event::PathChanged('d')]);
        assert_eq!(meaning(&mut interests, 3, CREATED, "web"), [Event::PathChanged('w')]);
        // What stays is not dropped.
        let old = interests.take_list(&'w');
        interests.add_name(3, OsStr::new("web"), &'w');
        assert!(interests.drop_old(&'w', old).is_empty());
    }

    #[test]
    fn a_directory_that_has_gone_is_reported_once() {
        let mut interests = Interests::new();
        interests.add_name(1, OsStr::new("web"), &'w');
        interests.add_entries(1, ENTRIES, &'w');
        assert_eq!(interests.meaning(1, AddWatchFlags::IN_IGNORED, None), [Event::PathChanged('w')]);
        assert_eq!(interests.meaning(1, AddWatchFlags::IN_IGNORED, None), []);
        assert!(interests.take_list(&'w').is_empty());
    }
}
