//! Memory for the loop, asked for before it begins: in the loop there is nothing left that could be refused. What a
//! burst of input needed goes back to the system when it is over.

use daemontools_program::failure::Failure;
use daemontools_sys::heap::try_reserve_exact;

/// An empty buffer with room for so many bytes. They cost nothing until they are used.
pub fn reserved(bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut buffer = Vec::new();
    if try_reserve_exact(&mut buffer, bytes) { Ok(buffer) } else { Err(Failure::fatal([b"out of memory"])) }
}

/// Room for `count` bytes in the buffer at this place. What has never been needed was never touched, and costs nothing.
pub fn room(buffer: &mut Vec<u8>, at: usize, count: usize) -> &mut [u8] {
    let end = at + count;
    if buffer.len() < end {
        buffer.resize(end, 0);
    }
    buffer.get_mut(at..end).unwrap_or_default()
}
