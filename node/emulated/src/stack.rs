//! Measures stack by painting it: what lies below the caller is filled with a pattern, and what no longer has it
//! afterwards was used.
use core::hint::black_box;
use cortex_m::register::msp;

/// Stack that is painted. The board's RAM has much more.
const PAINTED_BYTES: u32 = 64 * 1024;
/// Left unpainted below the caller, for the frame of [`paint`]: what a function can push, eight registers.
pub const GAP_BYTES: u32 = 32;
const PATTERN: u32 = 0xc0de_57ac;

/// Bytes of stack that `work` uses below this function, a constant more, in words of four. Memory that is reserved and
/// never written at the deepest place is not seen.
#[inline(never)]
pub fn used(work: impl FnOnce()) -> usize {
    let top = msp::read();
    let bottom = top - PAINTED_BYTES;
    paint(bottom, top - GAP_BYTES);
    below_the_gap(work);
    (top - lowest_used(bottom, top)) as usize
}

/// Does `work` from a frame that is larger than the gap.
#[inline(never)]
fn below_the_gap(work: impl FnOnce()) {
    let frame = black_box([0u8; GAP_BYTES as usize]);
    work();
    black_box(frame);
}

#[inline(never)]
fn paint(bottom: u32, top: u32) {
    for address in (bottom..top).step_by(4) {
        // SAFETY: the addresses are aligned, lie in RAM, and below every live frame: the gap holds this function's.
        unsafe { (address as *mut u32).write_volatile(PATTERN) };
    }
}

#[inline(never)]
fn lowest_used(bottom: u32, top: u32) -> u32 {
    let is_used = |address: &u32| {
        // SAFETY: the address is aligned and lies in RAM.
        unsafe { (*address as *const u32).read_volatile() != PATTERN }
    };
    assert!(!is_used(&bottom), "more stack than is painted");
    (bottom..top).step_by(4).find(is_used).unwrap_or(top)
}
