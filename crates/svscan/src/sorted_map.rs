//! A map for thousands of small entries, which takes half to two thirds of the memory of a `BTreeMap`: a vector, and the
//! order of what is in it. To insert moves four bytes of each entry that comes after the new one.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Keys with their values.
#[derive(Debug)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
    /// The numbers of the entries, in the order of their keys. (Memory ends before 32 bits do.)
    order: Vec<u32>,
}

impl<K: Ord, V> SortedMap<K, V> {
    /// No entry.
    pub const fn new() -> SortedMap<K, V> {
        SortedMap { entries: Vec::new(), order: Vec::new() }
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let number = self.number(self.search(key).ok()?)?;
        self.entries.get(number).map(|(_, value)| value)
    }

    /// The same, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let number = self.number(self.search(key).ok()?)?;
        self.entries.get_mut(number).map(|(_, value)| value)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        if let Some(known) = self.get_mut(&key) {
            *known = value;
        } else if let Err(at) = self.search(&key) {
            self.order.insert(at, self.entries.len() as u32);
            self.entries.push((key, value));
        }
    }

    /// Removes a key; its value, if it had one. The last one takes the memory along.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = self.search(key).ok()?;
        let number = self.number(at)?;
        // The last entry gets the number that becomes free.
        let (last, _) = self.entries.last()?;
        let at_last = self.search(last.borrow()).ok()?;
        *self.order.get_mut(at_last)? = number as u32;
        self.order.remove(at);
        let (_, value) = self.entries.swap_remove(number);
        if self.entries.is_empty() {
            *self = SortedMap::new();
        }
        Some(value)
    }

    /// All of them, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|&number| self.entries.get(number as usize)).map(|(key, value)| (key, value))
    }

    fn number(&self, at: usize) -> Option<usize> {
        self.order.get(at).map(|&number| number as usize)
    }

    fn search<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let compare = |&number: &u32| self.entries.get(number as usize).map(|(known, _)| known.borrow().cmp(key));
        self.order.binary_search_by(|number| compare(number).unwrap_or(Ordering::Less))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_one_value_for_a_key_and_the_order_of_the_keys() {
        let mut map = SortedMap::new();
        for (key, value) in [(3, 'a'), (1, 'b'), (2, 'c'), (3, 'd')] {
            map.insert(key, value);
        }
        assert_eq!(map.iter().collect::<Vec<_>>(), [(&1, &'b'), (&2, &'c'), (&3, &'d')]);
        assert_eq!((map.remove(&2), map.remove(&2), map.get(&2)), (Some('c'), None, None));
        assert_eq!(map.get_mut(&1).map(|value| std::mem::replace(value, 'e')), Some('b'));
        assert_eq!((map.get(&1), map.get(&3)), (Some(&'e'), Some(&'d')));
    }

    #[test]
    fn what_is_left_after_any_removal_is_found() {
        for removed in 0..5 {
            let mut map = SortedMap::new();
            [4, 0, 3, 1, 2].into_iter().for_each(|key| map.insert(key, key + 10));
            assert_eq!(map.remove(&removed), Some(removed + 10));
            assert!((0..5).all(|key| map.get(&key) == (key != removed).then_some(key + 10).as_ref()));
            assert!(map.iter().map(|(&key, _)| key).eq((0..5).filter(|key| *key != removed)));
        }
    }
}
