//! How long a node's battery lasts.
use crate::energy::SUPPLY_V;
use chirrup_protocol::time::Instant;

const HOURS_PER_YEAR: f64 = 365.25 * 24.0;

/// A battery of which the node can use `capacity_mah`, and which loses a share of what is left by itself.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Battery {
    /// Usable charge when new, in mAh.
    pub capacity_mah: f64,
    /// Share of the charge that it loses in a year without a load, 0 to below 1.
    pub self_discharge_per_year: f64,
}

impl Battery {
    /// A lithium thionyl chloride cell of the size AA (data sheet of the Saft LS 14500: 2.6 Ah at 2 mA, less than 1 %
    /// lost after a year of storage at 20 degrees).
    pub const AA_LITHIUM: Self = Self { capacity_mah: 2_600.0, self_discharge_per_year: 0.01 };

    /// Years until a new battery is empty when a node goes on to use `energy_mj` every `over_s` seconds.
    ///
    /// The charge follows Q' = -I - r Q, hence it is empty after ln(1 + r Q / I) / r; without self-discharge after
    /// Q / I.
    pub fn years(&self, energy_mj: f64, over_s: f64) -> f64 {
        // Energy over voltage is charge: millijoules over volts and seconds are milliamperes.
        let load_mah_per_year = energy_mj / SUPPLY_V / over_s * HOURS_PER_YEAR;
        let rate = -libm::log1p(-self.self_discharge_per_year);
        if rate == 0.0 {
            return self.capacity_mah / load_mah_per_year;
        }
        libm::log1p(rate * self.capacity_mah / load_mah_per_year) / rate
    }
}

/// What is left of a battery, told from time to time what was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charge {
    battery: Battery,
    left_mah: f64,
    used_mj: f64,
    at: Instant,
}

impl Charge {
    /// A new battery.
    pub const fn full(battery: Battery) -> Self {
        Self { battery, left_mah: battery.capacity_mah, used_mj: 0.0, at: Instant::ZERO }
    }

    /// What is left in mAh once `used_mj` were used since the beginning; below 0 when that is more than there was.
    pub fn left(&mut self, now: Instant, used_mj: f64) -> f64 {
        let years = (now - self.at).as_secs_f64() / 3_600.0 / HOURS_PER_YEAR;
        let kept = libm::exp(libm::log1p(-self.battery.self_discharge_per_year) * years);
        // Millijoules over volts are mA s.
        self.left_mah = self.left_mah * kept - (used_mj - self.used_mj) / SUPPLY_V / 3_600.0;
        (self.used_mj, self.at) = (used_mj, now);
        self.left_mah
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_self_discharge_it_is_capacity_over_current() {
        let battery = Battery { capacity_mah: 2_600.0, self_discharge_per_year: 0.0 };
        // 0.1 mA for a day at 3.3 V: 28,512 mJ. 26,000 h.
        let years = battery.years(0.1 * 3.3 * 86_400.0, 86_400.0);
        assert!((years - 26_000.0 / 8_766.0).abs() < 1e-9, "{years}");
    }

    /// Against small steps of the charge.
    #[test]
    fn with_self_discharge_it_is_what_small_steps_give() {
        let battery = Battery { capacity_mah: 1_000.0, self_discharge_per_year: 0.2 };
        let (load, step) = (100.0, 1e-5);
        let (mut charge, mut elapsed) = (battery.capacity_mah, 0.0);
        while charge > 0.0 {
            charge -= step * (load - libm::log(0.8) * charge);
            elapsed += step;
        }
        let years = battery.years(load * SUPPLY_V * 3_600.0, 3_600.0 * HOURS_PER_YEAR);
        assert!((years - elapsed).abs() < 1e-3, "{years} against {elapsed}");
        let without = Battery { self_discharge_per_year: 1e-9, ..battery };
        assert!((without.years(load * SUPPLY_V * 3_600.0, 3_600.0 * HOURS_PER_YEAR) - 10.0).abs() < 1e-6);
    }

    /// Read each hour it is empty when the closed form says so.
    #[test]
    fn a_charge_that_is_read_each_hour_ends_when_the_forecast_says() {
        let battery = Battery { capacity_mah: 200.0, self_discharge_per_year: 0.1 };
        let mj_per_hour = 0.05 * SUPPLY_V * 3_600.0;
        let (mut charge, mut hours) = (Charge::full(battery), 0u64);
        let hour = chirrup_protocol::time::Duration::from_secs(3_600);
        while charge.left(Instant::ZERO + hour.saturating_mul(hours), mj_per_hour * hours as f64) > 0.0 {
            hours += 1;
        }
        let years = battery.years(mj_per_hour, 3_600.0);
        assert!(
            (hours as f64 / HOURS_PER_YEAR - years).abs() < 2.0 / HOURS_PER_YEAR,
            "{hours} h, {years} years"
        );
    }
}
