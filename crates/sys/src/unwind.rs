//! No unwinder: the functions by which the standard library reads the stack, which find nothing there.
//!
//! Our programs end where they panic, and their files have no symbols, so a backtrace could name nothing. With these the code
//! that shows one is left out of each program: 200 kB of address space, of which a program that runs another under
//! `softlimit -m` has little.
#![allow(unsafe_code)]

use std::arch::global_asm;
use std::ffi::{c_int, c_void};
use std::process::abort;

/// What the C++ ABI calls `_URC_END_OF_STACK`.
const END_OF_STACK: c_int = 5;

// SAFETY: the C++ ABI gives this name to a function that takes these and returns this. It may call `each_frame` for the frames
// that it finds, and it finds none.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_each_frame: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

// A module of the name service that throws exceptions finds its own unwinder, and not these.
global_asm!(".hidden _Unwind_Backtrace");

/// Functions of the C++ ABI that take an exception or a frame, which there never is one of.
macro_rules! never_called {
    ($($name:ident)*) => {
        $(
            // SAFETY: the ABI gives this name to a function, and nobody has what it takes.
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> ! {
                abort()
            }
            global_asm!(concat!(".hidden ", stringify!($name)));
        )*
    };
}

// All of those that are in one object of libgcc_eh.a with `_Unwind_Backtrace`: if one were missing, the linker would take that
// object in and find others twice.
never_called! {
    _Unwind_DeleteException
    _Unwind_FindEnclosingFunction
    _Unwind_ForcedUnwind
    _Unwind_GetCFA
    _Unwind_GetDataRelBase
    _Unwind_GetGR
    _Unwind_GetIP
    _Unwind_GetIPInfo
    _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart
    _Unwind_GetTextRelBase
    _Unwind_RaiseException
    _Unwind_Resume
    _Unwind_Resume_or_Rethrow
    _Unwind_SetGR
    _Unwind_SetIP
}
