//! Which watched directory matters to which key, and what an event of the kernel means to each: pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;

use nix::sys::inotify::AddWatchFlags;

use crate::ENTRIES;
use crate::keys::{Keys, Number};

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

/// A name in few bytes. Two names may have the same hash, which leads to one look too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NameHash(NonZeroU32);

impl NameHash {
    /// FNV-1a of 32 bits.
    pub(crate) fn of(name: &OsStr) -> NameHash {
        let hash =
            name.as_bytes().iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        NameHash(NonZeroU32::new(hash).unwrap_or(NonZeroU32::MAX))
    }
}

/// What is watched: an entry of a directory, which is on a path, or (`None`) that directory's entries themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<D> {
    pub(crate) directory: D,
    pub(crate) name: Option<NameHash>,
}

/// What one watched directory is watched for.
#[derive(Debug, Default)]
struct Directory {
    /// The names that are on a path, each with a key whose path it is; sorted.
    names: Vec<(NameHash, Number)>,
    /// The keys to which its entries themselves matter, and what may happen to these.
    entries: Vec<(Number, AddWatchFlags)>,
}

impl Directory {
    fn add_name(&mut self, name: NameHash, key: Number) {
        if let Err(at) = self.names.binary_search(&(name, key)) {
            self.names.insert(at, (name, key));
        }
    }

    fn add_entries(&mut self, mask: AddWatchFlags, key: Number) {
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known |= mask,
            None => self.entries.push((key, mask)),
        }
    }

    fn remove(&mut self, name: Option<NameHash>, key: Number) {
        match name.map(|name| self.names.binary_search(&(name, key))) {
            Some(Ok(at)) => drop(self.names.remove(at)),
            Some(Err(_)) => {}
            None => self.entries.retain(|(known, _)| *known != key),
        }
    }

    /// The keys on whose path a name is.
    fn keys_of(&self, name: NameHash) -> impl Iterator<Item = Number> {
        let first = self.names.partition_point(|&(other, _)| other < name);
        self.names.iter().skip(first).take_while(move |&&(other, _)| other == name).map(|&(_, key)| key)
    }

    fn is_unused(&self) -> bool {
        self.names.is_empty() && self.entries.is_empty()
    }
}

/// All watched directories, by a descriptor `D`, and the keys they are watched for.
#[derive(Debug)]
pub(crate) struct Interests<D, K> {
    directories: BTreeMap<D, Directory>,
    keys: Keys<K, Place<D>>,
}

impl<D: Copy + Ord, K: Clone + Ord> Interests<D, K> {
    pub(crate) fn new() -> Interests<D, K> {
        Interests { directories: BTreeMap::new(), keys: Keys::new() }
    }

    /// Whether something was watched for this key, even if that has gone, since it was removed last.
    pub(crate) fn has(&self, key: &K) -> bool {
        self.keys.find(key).is_some()
    }

    /// All keys of which `has` is true, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.keys.iter()
    }

    /// What happens to the entries of a directory matters to this key, as far as `mask` says.
    pub(crate) fn add_entries(&mut self, directory: D, mask: AddWatchFlags, key: &K) {
        let number = self.keys.add(key);
        self.directories.entry(directory).or_default().add_entries(mask, number);
        let place = Place { directory, name: None };
        if !self.keys.places(number).contains(&place) {
            let places = [self.keys.places(number), &[place]].concat();
            self.keys.set_places(number, &places);
        }
    }

    /// The entries at these places are on the path of this key, in place of what was watched for it before, and what
    /// happens to the entries of a directory matters to it, as far as the mask says. Directories of no use to any key any more are returned, to
    /// be unwatched.
    pub(crate) fn set(&mut self, key: &K, path: Vec<Place<D>>, entries: Option<(D, AddWatchFlags)>) -> Vec<D> {
        let number = self.keys.add(key);
        let old = self.keys.places(number).to_vec();
        let mut places: Vec<Place<D>> = Vec::with_capacity(path.len() + 1);
        let target = entries.map(|(directory, _)| Place { directory, name: None });
        for place in path.into_iter().chain(target) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        for &Place { directory, name } in &places {
            if let Some(name) = name {
                self.directories.entry(directory).or_default().add_name(name, number);
            }
        }
        if let Some((directory, mask)) = entries {
            self.directories.entry(directory).or_default().add_entries(mask, number);
        }
        let unused = self.drop_places(number, old.iter().filter(|place| !places.contains(place)));
        self.keys.set_places(number, &places);
        unused
    }

    /// Nothing is watched for this key any more. Directories of no use to any other are returned, to be unwatched.
    pub(crate) fn remove(&mut self, key: &K) -> Vec<D> {
        let Some(number) = self.keys.find(key) else { return Vec::new() };
        let old = self.keys.places(number).to_vec();
        self.keys.remove(key);
        self.drop_places(number, old.iter())
    }

    fn drop_places<'a>(&mut self, number: Number, old: impl Iterator<Item = &'a Place<D>>) -> Vec<D>
    where
        D: 'a,
    {
        let mut unused = Vec::new();
        for &Place { directory: id, name } in old {
            let Some(directory) = self.directories.get_mut(&id) else { continue };
            directory.remove(name, number);
            if directory.is_unused() {
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
        let on_path = Some(NameHash::of(name)).filter(|_| mask.intersects(PATH));
        let on_path = on_path.into_iter().flat_map(|name| directory.keys_of(name));
        let changed = on_path.filter_map(|number| self.keys.key(number).cloned().map(Event::PathChanged));
        let interested = directory.entries.iter().filter(|(_, wanted)| mask.intersects(*wanted));
        let entries = interested.filter_map(|&(number, _)| {
            let key = self.keys.key(number)?.clone();
            Some(Event::Entry { key, name: name.to_owned(), mask })
        });
        changed.chain(entries).collect()
    }

    /// The directory has gone, and the kernel's watch with it.
    fn gone(&mut self, id: D) -> Vec<Event<K>> {
        let Some(directory) = self.directories.remove(&id) else { return Vec::new() };
        let named = directory.names.iter().map(|&(_, number)| number);
        let numbers: BTreeSet<Number> = named.chain(directory.entries.iter().map(|&(number, _)| number)).collect();
        for &number in &numbers {
            let places = self.keys.places(number).iter();
            let left: Vec<Place<D>> = places.filter(|place| place.directory != id).copied().collect();
            self.keys.set_places(number, &left);
        }
        numbers.into_iter().filter_map(|number| self.keys.key(number).cloned().map(Event::PathChanged)).collect()
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

    fn at(directory: u8, name: &str) -> Place<u8> {
        Place { directory, name: Some(NameHash::of(OsStr::new(name))) }
    }

    #[test]
    fn a_directory_means_to_each_key_what_it_is_watched_for() {
        let mut interests = Interests::new();
        assert!(interests.set(&'w', vec![at(1, "web")], None).is_empty());
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
    fn a_name_on_many_paths_means_something_to_each_of_them() {
        let mut interests = Interests::new();
        for key in ['b', 'c', 'a'] {
            interests.set(&key, vec![at(1, "sv"), at(2, "x"), at(1, "sv")], None);
        }
        interests.remove(&'c');
        let changed = [Event::PathChanged('b'), Event::PathChanged('a')];
        assert_eq!(meaning(&mut interests, 1, CREATED, "sv"), changed);
        assert_eq!((interests.has(&'a'), interests.has(&'c')), (true, false));
        assert!(interests.remove(&'a').is_empty());
        assert_eq!(interests.remove(&'b'), [1, 2]);
    }

    #[test]
    fn what_a_path_no_longer_leads_through_is_forgotten() {
        let mut interests = Interests::new();
        interests.set(&'w', vec![at(1, "web"), at(2, "web")], None);
        interests.set(&'d', vec![at(2, "dns")], None);
        assert_eq!(interests.set(&'w', vec![at(3, "web")], None), [1]);
        assert_eq!(meaning(&mut interests, 2, CREATED, "web"), []);
        assert_eq!(meaning(&mut interests, 2, CREATED, "dns"), [Event::PathChanged('d')]);
        assert_eq!(meaning(&mut interests, 3, CREATED, "web"), [Event::PathChanged('w')]);
        // What stays is not dropped.
        assert!(interests.set(&'w', vec![at(3, "web")], Some((3, ENTRIES))).is_empty());
        let entry = Event::Entry { key: 'w', name: "dns".into(), mask: CREATED };
        assert_eq!(meaning(&mut interests, 3, CREATED, "dns"), [entry]);
        assert!(interests.set(&'w', vec![at(3, "web")], None).is_empty());
        assert_eq!(meaning(&mut interests, 3, CREATED, "dns"), []);
    }

    #[test]
    fn a_directory_that_has_gone_is_reported_once() {
        let mut interests = Interests::new();
        interests.set(&'w', vec![at(1, "web")], Some((1, ENTRIES)));
        assert_eq!(interests.meaning(1, AddWatchFlags::IN_IGNORED, None), [Event::PathChanged('w')]);
        assert_eq!(interests.meaning(1, AddWatchFlags::IN_IGNORED, None), []);
        assert!(interests.has(&'w') && interests.remove(&'w').is_empty());
    }
}
