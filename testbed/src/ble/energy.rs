//! Energy of a node's BLE radio.
use crate::radio::energy::SUPPLY_V;
use chirrup_protocol::time::Duration;

/// Current while transmitting at 0 dBm, in mA, with the DC/DC converter (nRF52840 product specification, features: 4.8
/// mA peak).
const TRANSMIT_MA: f64 = 4.8;
/// Current while receiving, in mA (same source: 4.6 mA peak).
const RECEIVE_MA: f64 = 4.6;
/// Current asleep with its clock running, in mA (same source: 1.5 uA, wake on RTC).
const SLEEP_MA: f64 = 0.001_5;

/// How long a node's radio was awake. The rest of the run it slept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Awake {
    /// On the air.
    pub transmitting: Duration,
    /// With the receiver on.
    pub receiving: Duration,
}

impl Awake {
    /// Energy of the time awake, in mJ.
    pub fn energy_mj(&self) -> f64 {
        SUPPLY_V * (TRANSMIT_MA * self.transmitting.as_secs_f64() + RECEIVE_MA * self.receiving.as_secs_f64())
    }

    /// Energy of the rest of a run of length `elapsed`, in mJ.
    pub fn asleep_mj(&self, elapsed: Duration) -> f64 {
        let awake_us = self.transmitting.as_micros() + self.receiving.as_micros();
        let asleep = Duration::from_micros(elapsed.as_micros().saturating_sub(awake_us));
        SUPPLY_V * SLEEP_MA * asleep.as_secs_f64()
    }

    /// What came since an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        let minus = |now: Duration, then: Duration| {
            Duration::from_micros(now.as_micros().saturating_sub(then.as_micros()))
        };
        Self {
            transmitting: minus(self.transmitting, earlier.transmitting),
            receiving: minus(self.receiving, earlier.receiving),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_each_state_costs_voltage_times_current() {
        let second = Duration::from_secs(1);
        let awake = Awake { transmitting: second, receiving: second };
        assert!((awake.energy_mj() - 3.3 * 9.4).abs() < 1e-9);
        assert!((awake.asleep_mj(Duration::from_secs(86_402)) - 427.68).abs() < 1e-9);
        let earlier = Awake { transmitting: Duration::from_millis(400), receiving: Duration::ZERO };
        assert_eq!(awake.since(&earlier).transmitting, Duration::from_millis(600));
    }
}
