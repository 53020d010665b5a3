//! A program without std that uses the core.
//!
//! Built as a static library for the machine it is built on. It links only if
//! nothing below it links std: std brings a panic handler of its own, and two
//! in one program are an error. It is built, never run.
#![no_std]

extern crate coseal as _;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// An allocator, because `alloc` asks for one. It has nothing to give.
struct Nothing;

// SAFETY: null is a permitted answer to every request, and nothing that was
// not given can be given back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
