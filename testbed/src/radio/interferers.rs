//! Interferers: transmitters that belong to nobody's network and obey nobody's rules.
//!
//! An interferer is on for a share of the time, its duty: one burst in each period, at a place in it that the seed
//! draws. With a duty of 1 it is a jammer that never pauses. Its bursts are a function of time, so that they cost
//! nothing while no frame is on the air.
//!
//! **Noise** adds to the noise of the receiver, by the share of its band that the frame's band covers and the share of
//! the frame's time on the air that it is on. The frame's own signal-to-noise ratio must stay above the floor of its
//! spreading factor. **Chirps** of a spreading factor meet frames as any other frame does, under the scenario's model
//! of collisions. Interferers do not fade, and take no demodulators.
use super::collision::{Collisions, Contact, Interference, Signal, Span};
use super::emission::Emission;
use super::fading::{mix, uniform};
use super::geometry::Position;
use super::links::ReceivedPower;
use super::sensitivity::Sensitivity;
use crate::kernel::Rng;
use chirrup_protocol::airtime::Modulation;
use chirrup_protocol::time::{Duration, Instant};

/// What an interferer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waveform {
    /// Something evenly spread over its band.
    Noise,
    /// LoRa of this spreading factor.
    Chirps(u8),
}

/// An interferer.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interferer {
    /// Where it stands.
    #[serde(flatten)]
    pub at: Position,
    /// What it radiates, in dBm.
    pub power_dbm: f64,
    /// Centre of its band, in Hz.
    pub frequency_hz: u32,
    /// Width of its band, in Hz.
    pub bandwidth_hz: u32,
    /// What it sends.
    pub waveform: Waveform,
    /// Share of the time that it is on, 0 to 1.
    pub duty: f64,
    /// Time for one burst and one pause.
    #[serde(serialize_with = "seconds")]
    pub period: Duration,
    /// It is off for ever from then on; [`Instant::NEVER`] when it stays.
    #[serde(rename = "until_s", serialize_with = "second", skip_serializing_if = "stays")]
    pub until: Instant,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn stays(until: &Instant) -> bool {
    *until == Instant::NEVER
}

fn second<S: serde::Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64())
}

fn seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

/// An interferer in a run.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub interferer: Interferer,
    /// Where the bursts of each period lie.
    key: u64,
    /// By gateway.
    at_gateways: Vec<ReceivedPower>,
}

/// A frame at one receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub emission: &'a Emission,
    pub span: &'a Span,
    pub signal: &'a Signal,
    /// The receiver's.
    pub sensitivity: &'a Sensitivity,
}

/// A power in both forms.
pub(super) fn received(dbm: f64) -> ReceivedPower {
    ReceivedPower { dbm, mw: libm::pow(10.0, dbm / 10.0) }
}

impl Source {
    /// An interferer that gateways hear through these attenuations, in dB.
    pub fn new(index: usize, interferer: Interferer, attenuation_db: &[f64], seed: u64) -> Self {
        let key = Rng::for_purpose(seed, "interferer", index as u64).next_u64();
        let heard = |db: &f64| received(interferer.power_dbm - db);
        Self { interferer, key, at_gateways: attenuation_db.iter().map(heard).collect() }
    }

    /// How strong a gateway hears it.
    pub fn at_gateway(&self, gateway: usize) -> ReceivedPower {
        self.at_gateways[gateway]
    }

    /// The parts of its bursts between two times.
    fn bursts(&self, from: Instant, to: Instant) -> impl Iterator<Item = (Instant, Instant)> {
        let period_us = self.interferer.period.as_micros().max(1);
        let burst_us = (self.interferer.duty * period_us as f64) as u64;
        let to = to.min(self.interferer.until);
        let periods = from.as_micros() / period_us..to.as_micros().div_ceil(period_us);
        let key = self.key;
        periods.filter_map(move |index| {
            let pause_us = (period_us - burst_us) as f64;
            let start_us = index * period_us + (uniform(mix(key ^ index)) * pause_us) as u64;
            let start = Instant::from_micros(start_us).max(from);
            let end = Instant::from_micros(start_us + burst_us).min(to);
            (start < end).then_some((start, end))
        })
    }

    /// Share of the interferer's power that falls into a frame's band.
    fn share_in_band(&self, emission: &Emission) -> f64 {
        let edges = |centre_hz: u32, width_hz: u32| {
            let (centre_hz, half_hz) = (f64::from(centre_hz), f64::from(width_hz) / 2.0);
            (centre_hz - half_hz, centre_hz + half_hz)
        };
        let (low, high) = edges(self.interferer.frequency_hz, self.interferer.bandwidth_hz);
        let (frame_low, frame_high) = edges(emission.frequency_hz, emission.modulation.bandwidth_hz);
        let common_hz = high.min(frame_high) - low.max(frame_low);
        common_hz.max(0.0) / f64::from(self.interferer.bandwidth_hz)
    }

    /// Enters what it does to a frame at a receiver that hears it with `power`; returns the noise that it adds, in mW,
    /// as a mean over the frame.
    pub fn disturb(
        &self,
        power: ReceivedPower,
        target: &Target<'_>,
        collisions: &Collisions,
        interference: &mut Interference,
    ) -> f64 {
        let share = self.share_in_band(target.emission);
        if share == 0.0 {
            return 0.0;
        }
        let bursts = self.bursts(target.span.start, target.span.end);
        match self.interferer.waveform {
            Waveform::Noise => {
                let on_us: u64 = bursts.map(|(start, end)| (end - start).as_micros()).sum();
                power.mw * share * on_us as f64 / target.span.airtime().as_micros() as f64
            }
            Waveform::Chirps(spreading_factor) => {
                let modulation = Modulation::lorawan(spreading_factor, self.interferer.bandwidth_hz);
                let audible = power.dbm >= target.sensitivity.weakest_dbm(modulation);
                let rival = Signal { spreading_factor, power, audible };
                for (start, end) in bursts {
                    let burst = Span::new(start, end - start, modulation);
                    if let Some(contact) = Contact::between(target.span, &burst) {
                        collisions.disturb(interference, target.signal, &rival, contact);
                    }
                }
                0.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(duty: f64) -> Source {
        let interferer = Interferer {
            at: Position::default(),
            power_dbm: 14.0,
            frequency_hz: 868_100_000,
            bandwidth_hz: 250_000,
            waveform: Waveform::Noise,
            duty,
            period: Duration::from_millis(100),
            until: Instant::NEVER,
        };
        Source::new(0, interferer, &[100.0], 1)
    }

    fn on_us(source: &Source, from_us: u64, to_us: u64) -> u64 {
        let bursts = source.bursts(Instant::from_micros(from_us), Instant::from_micros(to_us));
        bursts.map(|(start, end)| (end - start).as_micros()).sum()
    }

    #[test]
    fn an_interferer_is_on_for_its_duty_and_a_jammer_always() {
        for duty in [0.0, 0.01, 0.3, 1.0] {
            assert_eq!(on_us(&source(duty), 0, 100_000_000), (duty * 1e8) as u64, "{duty}");
        }
        assert_eq!(on_us(&source(1.0), 12_345, 678_901), 678_901 - 12_345);
    }

    #[test]
    fn an_interferer_that_ends_is_off_from_then_on() {
        let mut jammer = source(1.0);
        jammer.interferer.until = Instant::from_micros(50_000);
        assert_eq!(on_us(&jammer, 0, 1_000_000), 50_000);
        assert_eq!(on_us(&jammer, 49_000, 51_000), 1_000);
        assert_eq!(on_us(&jammer, 50_000, 1_000_000), 0);
        assert_eq!(on_us(&jammer, 700_000, 1_000_000), 0);
        let json = |source: &Source| serde_json::to_value(source.interferer).unwrap();
        assert_eq!(json(&jammer)["until_s"], 0.05);
        assert_eq!(json(&source(1.0)).get("until_s"), None);
    }

    #[test]
    fn the_parts_of_a_time_add_up_to_the_whole() {
        let source = source(0.37);
        let whole = on_us(&source, 5_000, 1_234_567);
        let parts: u64 = [(5_000, 50_001), (50_001, 777_777), (777_777, 1_234_567)]
            .map(|(from, to)| on_us(&source, from, to))
            .iter()
            .sum();
        assert_eq!(whole, parts);
    }

    /// A burst of length B in a period of length T begins anywhere from 0 to T - B. A moment at t within the period
    /// is covered by those that begin from t - B to t: in the middle, B / (T - B) of all.
    #[test]
    fn bursts_lie_anywhere_in_their_period() {
        let source = source(0.2);
        let covered = (0..10_000)
            .filter(|index| on_us(&source, index * 100_000 + 50_000, index * 100_000 + 50_001) > 0);
        let share = covered.count() as f64 / 1e4;
        assert!((share - 0.25).abs() < 0.02, "{share}");
    }

    #[test]
    fn a_wide_band_puts_a_part_of_its_power_into_a_narrow_one() {
        let source = source(1.0);
        let share = |frequency_hz, bandwidth_hz| {
            let modulation = Modulation::lorawan(7, bandwidth_hz);
            source.share_in_band(&Emission { frequency_hz, modulation, power_dbm: 14, phy: vec![] })
        };
        assert_eq!(share(868_100_000, 125_000), 0.5);
        assert_eq!(share(868_100_000, 500_000), 1.0);
        assert_eq!(share(868_225_000, 125_000), 0.25);
        assert_eq!(share(868_300_000, 125_000), 0.0);
    }
}
