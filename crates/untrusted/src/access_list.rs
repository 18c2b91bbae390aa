//! Access control lists (acl(5)) as the kernel stores them: a version, then a tag, permissions and an id for each entry.

/// How many bytes of a list are read: room for 127 entries.
pub const SIZE: usize = 1024;

/// An entry that grants something to somebody besides the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// To this user: permissions as in a mode (read 4, write 2, execute 1).
    User(u32, u32),
    /// To this group; `None`: the group that owns the file.
    Group(Option<u32>, u32),
}

/// The entries of a list in which the mask is applied already; `None`: this is no list.
pub fn entries(bytes: &[u8]) -> Option<Vec<Entry>> {
    let (version, rest) = bytes.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != 2 || rest.len() % 8 != 0 {
        return None;
    }
    let raw = rest.chunks_exact(8).filter_map(|entry| {
        let (tag, entry) = entry.split_first_chunk::<2>()?;
        let (permissions, id) = entry.split_first_chunk::<2>()?;
        let id = u32::from_le_bytes(*id.first_chunk::<4>()?);
        Some((u16::from_le_bytes(*tag), u32::from(u16::from_le_bytes(*permissions)), id))
    });
    let raw: Vec<_> = raw.collect();
    let mask = raw.iter().find(|(tag, ..)| *tag == 0x10).map_or(7, |(_, permissions, _)| *permissions);
    let entry = |&(tag, permissions, id): &(u16, u32, u32)| match tag {
        0x02 => Some(Entry::User(id, permissions & mask)),
        0x04 => Some(Entry::Group(None, permissions & mask)),
        0x08 => Some(Entry::Group(Some(id), permissions & mask)),
        // The owner, the mask itself, all others: these are in the mode.
        _ => None,
    };
    Some(raw.iter().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_counts() {
        // As `setfacl -m u:1000:rwx,g:50:rw,m:r` stores it.
        let raw: [(u16, u16, u32); 6] =
            [(1, 7, !0), (2, 7, 1000), (4, 5, !0), (8, 6, 50), (0x10, 4, !0), (0x20, 0, !0)];
        let mut bytes = 2u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in raw {
            bytes.extend([&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat());
        }
        let expected = [Entry::User(1000, 4), Entry::Group(None, 4), Entry::Group(Some(50), 4)];
        assert_eq!(entries(&bytes), Some(expected.to_vec()));
        assert_eq!(entries(&bytes[..bytes.len() - 1]), None);
        assert_eq!(entries(b""), None);
    }
}
