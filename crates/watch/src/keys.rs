//! The keys, each with the places that are watched for it, and a number that is shorter than the key: pure.

use std::cmp::Ordering;

/// A key's number, which is its own until the key is removed.
pub(crate) type Number = u32;

/// All keys. Of thousands of them each takes little more than itself and its places.
#[derive(Debug)]
pub(crate) struct Keys<K, P> {
    /// By number; `None`: the number is free.
    slots: Vec<Option<(K, Box<[P]>)>>,
    /// The numbers in use, in the order of the keys.
    order: Vec<Number>,
    free: Vec<Number>,
}

impl<K: Clone + Ord, P: Clone + PartialEq> Keys<K, P> {
    pub(crate) fn new() -> Keys<K, P> {
        Keys { slots: Vec::new(), order: Vec::new(), free: Vec::new() }
    }

    /// The number of a key.
    pub(crate) fn find(&self, key: &K) -> Option<Number> {
        self.search(key).ok().and_then(|at| self.order.get(at).copied())
    }

    /// The number of a key, which is added if it is new.
    pub(crate) fn add(&mut self, key: &K) -> Number {
        let at = match self.search(key) {
            Ok(at) => return self.order.get(at).copied().unwrap_or_default(),
            Err(at) => at,
        };
        let slot = Some((key.clone(), Box::default()));
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(free) = self.slots.get_mut(number as usize) {
                    *free = slot;
                }
                number
            }
            None => {
                self.slots.push(slot);
                // Memory ends before the numbers do.
                (self.slots.len() - 1) as Number
            }
        };
        self.order.insert(at, number);
        number
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: Number) -> Option<&K> {
        self.slots.get(number as usize)?.as_ref().map(|(key, _)| key)
    }

    /// All keys, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.order.iter().filter_map(|&number| self.key(number))
    }

    /// The places of a key.
    pub(crate) fn places(&self, number: Number) -> &[P] {
        self.slots.get(number as usize).and_then(Option::as_ref).map_or(&[], |(_, places)| places)
    }

    /// Sets the places of a key.
    pub(crate) fn set_places(&mut self, number: Number, places: &[P]) {
        if let Some((_, known)) = self.slots.get_mut(number as usize).and_then(Option::as_mut) {
            *known = places.into();
        }
    }

    /// Removes a key. Its number may become another one's.
    pub(crate) fn remove(&mut self, key: &K) {
        let Ok(at) = self.search(key) else { return };
        let number = self.order.remove(at);
        if let Some(slot) = self.slots.get_mut(number as usize) {
            *slot = None;
            self.free.push(number);
        }
    }

    fn search(&self, key: &K) -> Result<usize, usize> {
        self.order.binary_search_by(|&number| self.key(number).map_or(Ordering::Less, |known| known.cmp(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number_and_its_places_while_others_come_and_go() {
        let mut keys = Keys::new();
        let numbers = ["m", "z", "a", "k"].map(|key| keys.add(&key));
        assert_eq!(numbers, [0, 1, 2, 3]);
        keys.set_places(2, &['p', 'q']);
        keys.remove(&"m");
        assert_eq!((keys.find(&"m"), keys.key(0), keys.places(0).len()), (None, None, 0));
        assert_eq!((keys.add(&"a"), keys.places(2)), (2, ['p', 'q'].as_slice()));
        assert_eq!((keys.add(&"n"), keys.places(0).len()), (0, 0), "the number that is free, without its places");
        assert_eq!(["a", "k", "n", "z"].map(|key| keys.find(&key)), [Some(2), Some(3), Some(0), Some(1)]);
        assert_eq!((keys.key(1), keys.key(9)), (Some(&"z"), None));
    }
}
