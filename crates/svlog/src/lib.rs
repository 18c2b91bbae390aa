//! svlog: where a log is (`locate`, `logger`), its files in order (`directory`, `file`), where to begin (`moment`,
//! `range`, `bisect`, `tail`, `backwards`), the bytes of each (`reading`), the lines of one log (`source`, over rotations
//! `succession`) and of several (`merge`), which are wanted (`sought`) and how they are shown (`form`), what is heard of
//! (`ears`), the program around these (`run`).
#![forbid(unsafe_code)]

pub mod backwards;
pub mod bisect;
pub mod directory;
pub mod ears;
pub mod file;
pub mod form;
pub mod locate;
pub mod logger;
pub mod merge;
pub mod moment;
pub mod options;
pub mod progress;
pub mod range;
pub(crate) mod reading;
pub mod run;
pub mod sought;
pub mod source;
pub mod stamp;
pub mod succession;
pub mod tail;
