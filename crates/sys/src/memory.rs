//! Memory that goes back to the system while its address stays ours.
#![allow(unsafe_code)]

/// The largest page size that Linux uses, in bytes: a multiple of it is a multiple of any page size.
const PAGE: usize = 64 * 1024;

/// Returns the unused memory at the end of a buffer to the system. The buffer's capacity stays, and costs nothing until it
/// is used again.
pub fn give_back(buffer: &mut Vec<u8>) {
    let room = buffer.spare_capacity_mut();
    let begin = room.as_ptr().align_offset(PAGE).min(room.len());
    let Some(pages) = room.get_mut(begin..).and_then(|room| room.get_mut(..room.len() / PAGE * PAGE)) else { return };
    // SAFETY: the pages lie as a whole in room that has no content yet, so that nobody can see them turn to zeros.
    let _ = unsafe { libc::madvise(pages.as_mut_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_stays_and_so_does_the_room() {
        let mut buffer = vec![b'x'; 8 * PAGE];
        buffer.truncate(100);
        let (at, room) = (buffer.as_ptr(), buffer.capacity());
        give_back(&mut buffer);
        assert_eq!((buffer.as_ptr(), buffer.capacity()), (at, room));
        assert_eq!(buffer, [b'x'; 100]);
        buffer.resize(8 * PAGE, b'y');
        assert!(buffer.ends_with(&[b'y'; 8 * PAGE - 100]));
    }

    #[test]
    fn small_buffers_are_left_alone() {
        for size in [0, 1, PAGE] {
            let mut buffer = vec![b'x'; size];
            give_back(&mut buffer);
            assert_eq!(buffer, vec![b'x'; size]);
        }
    }
}
