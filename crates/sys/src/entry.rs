//! C's `main` for our programs: the one symbol that the C runtime calls.

/// Makes C's `main`, which hands the command line to `$start`, a `fn(Args) -> i32`, and returns what that returns.
///
/// A program uses `entry!` of the crate `program`, which is built on this.
#[macro_export]
macro_rules! c_main {
    ($start:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(argc: ::std::ffi::c_int, argv: *const *const ::std::ffi::c_char) -> ::std::ffi::c_int {
            // SAFETY: the C runtime calls main once, with its own argc and argv.
            let args = unsafe { $crate::args::Args::from_main(argc, argv) };
            $start(args)
        }
    };
}
