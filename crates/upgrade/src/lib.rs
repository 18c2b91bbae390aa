//! How a program replaces itself by another file of its name: same process, same children, same descriptors.
//!
//! The order of things: svupgrade sends SIGCHLD with a value (sigqueue(3)), which no program dies of or misunderstands. The
//! program connects to svupgrade's socket and learns which directory the new file is in (`request`). It looks whether only
//! root and its own user can have written it (`trust`), runs it once as a child to ask whether it can go on with this state
//! (`trial`), and executes it (`replace`). The new file finds the state by a variable of its environment (`handover`).
#![forbid(unsafe_code)]

mod handover;
mod memfd;
mod replace;
mod request;
mod trial;
mod trust;

pub use handover::{Caller, Given, answer, given};
pub use memfd::sealed;
pub use replace::{Ready, replace};
pub use request::{Answer, Order, Request, SIGNAL, socket_name};
pub use trial::trial;
pub use trust::trusted;
