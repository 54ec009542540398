//! Energy of a node's radio.
use chirrup_protocol::time::Duration;

/// Supply voltage, in volts.
pub const SUPPLY_V: f64 = 3.3;
/// Current while transmitting at 14 dBm, in mA (FLoRa, after the SX1272 data sheet). Nodes send at 14 dBm here; a
/// lower power is charged the same.
const TRANSMIT_MA: f64 = 44.0;
/// Current while receiving, in mA (the LoRaWAN module of ns-3, after the SX1272 data sheet).
const RECEIVE_MA: f64 = 11.2;
/// Current asleep, in mA (same source).
const SLEEP_MA: f64 = 0.001_5;

/// How long a node's radio spent transmitting and receiving. The rest of the run it slept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadioTime {
    /// On the air.
    pub transmitting: Duration,
    /// With the receiver on.
    pub receiving: Duration,
}

impl RadioTime {
    /// Energy over a run of length `elapsed`, in mJ.
    pub fn energy_mj(&self, elapsed: Duration) -> f64 {
        let awake_us = self.transmitting.as_micros() + self.receiving.as_micros();
        let asleep = Duration::from_micros(elapsed.as_micros().saturating_sub(awake_us));
        transmit_energy_mj(self.transmitting)
            + energy_mj(RECEIVE_MA, self.receiving)
            + energy_mj(SLEEP_MA, asleep)
    }
}

/// Energy to transmit for a time, in mJ.
pub fn transmit_energy_mj(on_air: Duration) -> f64 {
    energy_mj(TRANSMIT_MA, on_air)
}

fn energy_mj(current_ma: f64, span: Duration) -> f64 {
    SUPPLY_V * current_ma * span.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_each_state_costs_voltage_times_current() {
        let second = Duration::from_secs(1);
        assert!((transmit_energy_mj(second) - 145.2).abs() < 1e-9);
        let both = RadioTime { transmitting: second, receiving: second };
        assert!((both.energy_mj(Duration::from_secs(2)) - (145.2 + 36.96)).abs() < 1e-9);
        let asleep = RadioTime::default().energy_mj(Duration::from_secs(86_400));
        assert!((asleep - 427.68).abs() < 1e-9);
    }
}
