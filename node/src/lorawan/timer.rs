//! The network's RxDelay, kept outside the stack.
use lorawan_device::async_device::radio::Timer;

/// Shifts the receive windows of a data exchange.
///
/// A fresh stack opens RX1 one second after the uplink and RX2 one second later. What the network asked for beyond
/// that is added here, whether it came in a JoinAccept, in an RXTimingSetupReq or out of a snapshot.
pub(super) struct Windows<'a, T> {
    timer: &'a mut T,
    shift_ms: u64,
}

impl<'a, T> Windows<'a, T> {
    /// Windows of a data exchange with RX1 after `rx_delay_s` seconds (1 to 15).
    pub fn of_data(timer: &'a mut T, rx_delay_s: u8) -> Self {
        Self { timer, shift_ms: u64::from(rx_delay_s.saturating_sub(1)) * 1_000 }
    }

    /// Windows of a join, which no network shifts.
    pub fn of_join(timer: &'a mut T) -> Self {
        Self { timer, shift_ms: 0 }
    }
}

impl<T: Timer> Timer for Windows<'_, T> {
    fn reset(&mut self) {
        self.timer.reset();
    }

    async fn at(&mut self, millis: u64) {
        self.timer.at(millis + self.shift_ms).await;
    }

    async fn delay_ms(&mut self, millis: u64) {
        self.timer.delay_ms(millis).await;
    }
}
