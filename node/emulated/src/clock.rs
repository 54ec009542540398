//! Counts instructions by SysTick.
//!
//! The emulator executes one instruction a nanosecond (`-icount shift=0`) and SysTick counts at the board's 25 MHz,
//! so that a tick is 40 instructions. The same program gives the same count.
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

const INSTRUCTIONS_PER_TICK: u32 = 40;
const RELOAD: u32 = 0x00ff_ffff;

/// A running SysTick.
pub struct Clock(SYST);

impl Clock {
    /// Starts the timer. It counts down and wraps after 2^24 ticks, 671 million instructions.
    pub fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(RELOAD);
        timer.clear_current();
        timer.enable_counter();
        Self(timer)
    }

    /// Instructions that `work` takes, to within a tick. More than the timer can count is a panic.
    pub fn instructions(&mut self, work: impl FnOnce()) -> u32 {
        self.0.clear_current();
        // The timer reloads at its next tick and has not wrapped since.
        while SYST::get_current() == 0 {}
        assert!(!self.0.has_wrapped() || SYST::get_current() > RELOAD / 2);
        let before = SYST::get_current();
        work();
        let after = SYST::get_current();
        assert!(!self.0.has_wrapped(), "too long for the timer");
        (before - after) * INSTRUCTIONS_PER_TICK
    }
}
