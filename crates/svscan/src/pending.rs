//! What the next scan has to look at: some entries, or everything.

use std::collections::BTreeSet;
use std::ffi::CString;

/// Entries to be looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Some of them, by name.
    pub names: BTreeSet<CString>,
    /// Whether all of them, those that nobody has named too.
    pub everything: bool,
}

impl Pending {
    /// Everything.
    pub fn everything() -> Pending {
        Pending { names: BTreeSet::new(), everything: true }
    }

    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.everything
    }

    /// Adds an entry. Those whose names begin with a dot are no services.
    pub fn add(&mut self, name: CString) {
        if !name.to_bytes().starts_with(b".") {
            self.names.insert(name);
        }
    }

    /// Adds all that another one has, which is empty then.
    pub fn append(&mut self, other: &mut Pending) {
        self.names.append(&mut other.names);
        self.everything |= std::mem::take(&mut other.everything);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_counts_once_and_hidden_ones_do_not() {
        let (mut pending, mut other) = (Pending::default(), Pending::everything());
        for name in [c"a", c".b", c"a"] {
            pending.add(name.to_owned());
            other.add(name.to_owned());
        }
        assert_eq!((pending.names.len(), pending.everything), (1, false));
        pending.append(&mut other);
        assert_eq!((pending.names.len(), pending.everything, other.is_empty()), (1, true, true));
    }
}
