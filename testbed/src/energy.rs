//! Energy of a node's radios: voltage times current times time in each state. Which current a state draws, each link
//! says for itself ([`crate::radio::energy`], [`crate::ble::energy`]).
use chirrup_protocol::time::Duration;

/// Supply voltage, in volts.
pub const SUPPLY_V: f64 = 3.3;

/// What a current takes in a time, in mJ.
pub fn energy_mj(current_ma: f64, span: Duration) -> f64 {
    SUPPLY_V * current_ma * span.as_secs_f64()
}

/// How long a radio was awake, and what that took. The rest of the run it slept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Awake {
    /// Time on the air.
    pub transmitting: Duration,
    /// Time with the receiver on.
    pub receiving: Duration,
    /// Energy of both, in mJ.
    pub used_mj: f64,
}

impl Awake {
    /// It transmits for a time.
    pub fn transmit(&mut self, current_ma: f64, span: Duration) {
        self.transmitting += span;
        self.used_mj += energy_mj(current_ma, span);
    }

    /// Its receiver is on for a time.
    pub fn receive(&mut self, current_ma: f64, span: Duration) {
        self.receiving += span;
        self.used_mj += energy_mj(current_ma, span);
    }

    /// What came since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            transmitting: minus(self.transmitting, earlier.transmitting),
            receiving: minus(self.receiving, earlier.receiving),
            used_mj: self.used_mj - earlier.used_mj,
        }
    }

    /// How long it slept in a run of length `elapsed`.
    pub fn asleep(&self, elapsed: Duration) -> Duration {
        minus(elapsed, self.transmitting + self.receiving)
    }
}

fn minus(a: Duration, b: Duration) -> Duration {
    Duration::from_micros(a.as_micros().saturating_sub(b.as_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_takes_voltage_times_its_current() {
        let second = Duration::from_secs(1);
        let mut awake = Awake::default();
        awake.transmit(40.0, second);
        let earlier = awake;
        awake.transmit(20.0, second);
        awake.receive(10.0, second + second);
        assert!((awake.used_mj - 3.3 * 80.0).abs() < 1e-9);
        let since = awake.since(&earlier);
        assert_eq!((since.transmitting, since.receiving), (second, second + second));
        assert!((since.used_mj - 3.3 * 40.0).abs() < 1e-9);
        assert_eq!(awake.asleep(Duration::from_secs(10)), Duration::from_secs(6));
        assert_eq!(awake.asleep(second), Duration::ZERO);
    }
}
