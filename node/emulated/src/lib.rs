//! Programs on an emulated Cortex-M board (QEMU's `mps2-an385` and `mps2-an386`): instructions and stack of a piece of
//! work, output and exit by semihosting, and what happens on a panic.
//!
//! It deliberately measures no time: an emulator executes one instruction a nanosecond, a board does not. A program
//! that uses it is linked with `-Tlink.x`; where memory is says `memory.x` here.
#![no_std]

pub mod clock;
pub mod stack;

pub use cortex_m::Peripherals;
use cortex_m::asm;
pub use cortex_m_rt::entry;
use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::debug;
pub use cortex_m_semihosting::hprintln;

/// Whether the program talks to the emulator; one whose size counts does not.
const IS_SILENT: bool = option_env!("FOOTPRINT_ITEM").is_some();

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of stack below the caller, a constant more.
    pub stack_bytes: usize,
    /// Instructions, to within a tick of the clock, a constant more.
    pub instructions: u32,
}

impl Cost {
    /// Measures a piece of work.
    pub fn of(clock: &mut clock::Clock, work: impl FnOnce()) -> Self {
        let mut instructions = 0;
        let stack_bytes = stack::used(|| instructions = clock.instructions(work));
        Self { stack_bytes, instructions }
    }

    /// What it took more than `nothing` did.
    pub const fn beyond(self, nothing: Self) -> Self {
        Self {
            stack_bytes: self.stack_bytes.saturating_sub(nothing.stack_bytes),
            instructions: self.instructions.saturating_sub(nothing.instructions),
        }
    }
}

/// The emulator ends, and says that all went well.
pub fn succeed() -> ! {
    debug::exit(debug::EXIT_SUCCESS);
    idle()
}

/// Nothing more happens.
pub fn idle() -> ! {
    loop {
        asm::wfi();
    }
}

fn fail() -> ! {
    if !IS_SILENT {
        debug::exit(debug::EXIT_FAILURE);
    }
    idle()
}

#[panic_handler]
fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
    if !IS_SILENT {
        hprintln!("{}", panic);
    }
    fail()
}

// SAFETY: it is entered once and never returns, so that nothing is seen in between.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    if !IS_SILENT {
        hprintln!("{:?}", frame);
    }
    fail()
}
