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

mod items;

use chirrup_emulated::clock::Clock;
use chirrup_emulated::{Cost, Peripherals, entry, hprintln, idle, stack, succeed};
use core::hint::black_box;
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
        succeed();
    }
    idle()
}

/// Measures every item at each of its sizes. Item 0 does nothing; what it uses is taken from the others.
fn report(clock: &mut Clock, memory: &mut Memory) {
    let mut nothing = Cost::default();
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
            let Cost { stack_bytes, instructions } = cost.beyond(nothing);
            let lent_bytes = lent_bytes(size);
            hprintln!("{index}\t{section}\t{name}\t{size}\t{stack_bytes}\t{lent_bytes}\t{instructions}");
        }
    }
}

fn measure(clock: &mut Clock, item: &Item, memory: &mut Memory, size: usize) -> Cost {
    let mut done = None;
    let cost = Cost::of(clock, || done = (item.run)(memory, size));
    done.unwrap_or_else(|| panic!("{} failed at size {size}", item.name));
    cost
}
