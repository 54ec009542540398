//! What `chirrup-protocol` needs on a Cortex-M4: stack, lent memory and instructions of each item of [`items::SECTIONS`].
//!
//! Built as it is, the program measures all items on an emulated board and prints one line a measurement:
//!
//! ```text
//! index, section, item, size, stack in bytes, lent memory in bytes, instructions     separated by tabs
//! ```
//! Built with an index in `FOOTPRINT_ITEM`, it does nothing but that item, so that the size of the program beside
//! that of item 0, which does nothing, is the item's flash. `.ci/footprint` does both and writes the table.
//!
//! It deliberately measures no time: an emulator executes one instruction a nanosecond, a board does not.
#![no_std]
#![no_main]

mod clock;
mod items;
mod stack;

use clock::Clock;
use core::hint::black_box;
use core::panic::PanicInfo;
use cortex_m::Peripherals;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use items::{Item, Memory, SECTIONS};

/// The only item of this program, if it has only one.
const ALONE: Option<&Item> = match option_env!("FOOTPRINT_ITEM") {
    Some(index) => match usize::from_str_radix(index, 10) {
        Ok(index) => Some(items::item(index)),
        Err(_) => panic!("FOOTPRINT_ITEM is not a number"),
    },
    None => None,
};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    if let Some(item) = ALONE {
        black_box((item.run)(black_box(MEMORY), black_box(item.sizes[0])));
    } else if let Some(peripherals) = Peripherals::take() {
        report(&mut Clock::start(peripherals.SYST), MEMORY);
        debug::exit(debug::EXIT_SUCCESS);
    }
    loop {
        cortex_m::asm::wfi();
    }
}

/// Measures every item at each of its sizes. Item 0 does nothing; what it uses is taken from the others.
fn report(clock: &mut Clock, memory: &mut Memory) {
    let mut nothing = Cost { stack_bytes: 0, instructions: 0 };
    memory.draw_update();
    let items = SECTIONS.iter().flat_map(|(section, items)| items.iter().map(move |item| (section, item)));
    for (index, (section, item)) in items.enumerate() {
        for &size in item.sizes {
            (item.prepare)(memory, size).expect("the table prepares only what can be");
            let cost = measure(clock, item, memory, size);
            if index == 0 {
                nothing = cost;
                assert!(
                    cost.stack_bytes >= stack::GAP_BYTES as usize + 4,
                    "a small item would seem to use none"
                );
            }
            let Item { name, lent_bytes, .. } = item;
            let stack_bytes = cost.stack_bytes.saturating_sub(nothing.stack_bytes);
            let instructions = cost.instructions.saturating_sub(nothing.instructions);
            let lent_bytes = lent_bytes(size);
            hprintln!("{index}\t{section}\t{name}\t{size}\t{stack_bytes}\t{lent_bytes}\t{instructions}");
        }
    }
}

#[derive(Clone, Copy)]
struct Cost {
    stack_bytes: usize,
    instructions: u32,
}

fn measure(clock: &mut Clock, item: &Item, memory: &mut Memory, size: usize) -> Cost {
    let mut done = None;
    let mut instructions = 0;
    let stack_bytes = stack::used(|| {
        instructions = clock.instructions(|| done = (item.run)(memory, size));
    });
    done.unwrap_or_else(|| panic!("{} failed at size {size}", item.name));
    Cost { stack_bytes, instructions }
}

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    if ALONE.is_none() {
        hprintln!("{}", panic);
    }
    stop()
}

// SAFETY: it is entered once and never returns, so that nothing is seen in between.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    if ALONE.is_none() {
        hprintln!("{:?}", frame);
    }
    stop()
}

fn stop() -> ! {
    if ALONE.is_none() {
        debug::exit(debug::EXIT_FAILURE);
    }
    loop {
        cortex_m::asm::wfi();
    }
}
