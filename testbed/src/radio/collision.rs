//! What frames on the air at the same time do to each other.
use super::links::ReceivedPower;
use super::sensitivity::row;
use chirrup_protocol::airtime::{Modulation, PREAMBLE_SYMBOLS};
use chirrup_protocol::time::{Duration, Instant};

/// A published model of collisions. All of them let frames without a common frequency pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CollisionModel {
    /// Any overlap with an audible frame of the same spreading factor destroys both.
    Aloha,
    /// As Aloha, but a frame survives what is 6 dB weaker, and it survives whatever ends before the last five symbols
    /// of its preamble (Bor et al. 2016, 3.3; LoRaSim with full collision check). Spreading factors are orthogonal.
    #[default]
    Capture,
    /// Cumulative energy of interference by spreading factor, against the thresholds of Goursaud and Gorce 2015, as
    /// the LoRaWAN module of ns-3 applies them.
    Goursaud,
    /// The same with the thresholds measured by Croce et al. 2018.
    Croce,
}

/// How much stronger a frame must be to survive another of its spreading factor under [`CollisionModel::Capture`].
const CAPTURE_DB: f64 = 6.0;

/// Preamble symbols at the end of the preamble that must survive for a receiver to lock to it.
const NEEDED_PREAMBLE_SYMBOLS: u32 = 5;

type Matrix = [[f64; 6]; 6];

/// Lowest survivable signal-to-interference ratio in dB; rows: wanted SF7 to SF12, columns: interfering.
const GOURSAUD_DB: Matrix = [
    [6.0, -16.0, -18.0, -19.0, -19.0, -20.0],
    [-24.0, 6.0, -20.0, -22.0, -22.0, -22.0],
    [-27.0, -27.0, 6.0, -23.0, -25.0, -25.0],
    [-30.0, -30.0, -30.0, 6.0, -26.0, -28.0],
    [-33.0, -33.0, -33.0, -33.0, 6.0, -29.0],
    [-36.0, -36.0, -36.0, -36.0, -36.0, 6.0],
];

/// As [`GOURSAUD_DB`].
const CROCE_DB: Matrix = [
    [1.0, -8.0, -9.0, -9.0, -9.0, -9.0],
    [-11.0, 1.0, -11.0, -12.0, -13.0, -13.0],
    [-15.0, -13.0, 1.0, -13.0, -14.0, -15.0],
    [-19.0, -18.0, -17.0, 1.0, -17.0, -18.0],
    [-22.0, -22.0, -21.0, -20.0, 1.0, -20.0],
    [-25.0, -25.0, -25.0, -24.0, -23.0, 1.0],
];

/// A frame's place in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: Instant,
    pub end: Instant,
    /// When the part of the preamble begins that must survive.
    critical_from: Instant,
}

impl Span {
    pub fn new(start: Instant, airtime: Duration, modulation: Modulation) -> Self {
        let spare_ns = u64::from(PREAMBLE_SYMBOLS - NEEDED_PREAMBLE_SYMBOLS) * modulation.symbol_ns();
        Self { start, end: start + airtime, critical_from: start + Duration::from_micros(spare_ns / 1_000) }
    }

    pub fn airtime(&self) -> Duration {
        self.end - self.start
    }
}

/// How two frames that share a frequency meet in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contact {
    overlap: Duration,
    /// The earlier frame lasts into the needed part of the later one's preamble.
    reaches_critical_part: bool,
}

impl Contact {
    /// `None` when they do not meet.
    pub fn between(one: &Span, other: &Span) -> Option<Self> {
        let overlap = one.end.min(other.end) - one.start.max(other.start);
        if overlap == Duration::ZERO {
            return None;
        }
        let (earlier, later) = if one.start <= other.start { (one, other) } else { (other, one) };
        Some(Self { overlap, reaches_critical_part: later.critical_from < earlier.end })
    }
}

/// A frame at a receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub spreading_factor: u8,
    pub power: ReceivedPower,
    /// Strong enough to be heard if it were alone.
    pub audible: bool,
}

/// What has disturbed one frame at one receiver so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Interference {
    destroyed: bool,
    /// Energy by interfering spreading factor, in mW times microseconds.
    energy: [f64; 6],
}

/// A model with its thresholds as factors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collisions {
    model: CollisionModel,
    /// Empty of meaning for models without a matrix.
    thresholds: Matrix,
}

impl Collisions {
    pub fn new(model: CollisionModel) -> Self {
        let decibel = if model == CollisionModel::Croce { CROCE_DB } else { GOURSAUD_DB };
        Self { model, thresholds: decibel.map(|row| row.map(|db| libm::pow(10.0, db / 10.0))) }
    }

    /// Enters what `other` does to `wanted`.
    pub fn disturb(
        &self,
        interference: &mut Interference,
        wanted: &Signal,
        other: &Signal,
        contact: Contact,
    ) {
        let rival = other.audible && wanted.spreading_factor == other.spreading_factor;
        match self.model {
            CollisionModel::Aloha => interference.destroyed |= rival,
            CollisionModel::Capture => {
                let too_strong = wanted.power.dbm - other.power.dbm < CAPTURE_DB;
                interference.destroyed |= rival && contact.reaches_critical_part && too_strong;
            }
            CollisionModel::Goursaud | CollisionModel::Croce => {
                let energy = other.power.mw * contact.overlap.as_micros() as f64;
                interference.energy[row(other.spreading_factor)] += energy;
            }
        }
    }

    /// Whether a frame of this length survives what has disturbed it.
    pub fn survives(&self, interference: &Interference, wanted: &Signal, airtime: Duration) -> bool {
        match self.model {
            CollisionModel::Aloha | CollisionModel::Capture => !interference.destroyed,
            CollisionModel::Goursaud | CollisionModel::Croce => {
                let energy = wanted.power.mw * airtime.as_micros() as f64;
                let thresholds = &self.thresholds[row(wanted.spreading_factor)];
                thresholds.iter().zip(interference.energy).all(|(ratio, noise)| energy >= ratio * noise)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SF7: Modulation = Modulation::lorawan(7, 125_000);
    const AIRTIME: Duration = Duration::from_micros(100_000);

    fn span(start_us: u64, sf: u8) -> Span {
        Span::new(Instant::from_micros(start_us), AIRTIME, Modulation::lorawan(sf, 125_000))
    }

    fn signal(spreading_factor: u8, dbm: f64) -> Signal {
        let power = ReceivedPower { dbm, mw: libm::pow(10.0, dbm / 10.0) };
        Signal { spreading_factor, power, audible: true }
    }

    /// Whether an SF7 frame at `dbm` from 0 to 100 ms survives others of (start, SF, dBm).
    fn survives(model: CollisionModel, dbm: f64, others: &[(u64, u8, f64)]) -> bool {
        let collisions = Collisions::new(model);
        let (wanted, mut interference) = (signal(7, dbm), Interference::default());
        for &(start_us, sf, other_dbm) in others {
            if let Some(contact) = Contact::between(&span(1_000_000, 7), &span(1_000_000 + start_us, sf)) {
                collisions.disturb(&mut interference, &wanted, &signal(sf, other_dbm), contact);
            }
        }
        collisions.survives(&interference, &wanted, AIRTIME)
    }

    #[test]
    fn aloha_forgives_nothing_but_other_spreading_factors() {
        assert!(!survives(CollisionModel::Aloha, -80.0, &[(99_999, 7, -120.0)]));
        assert!(survives(CollisionModel::Aloha, -80.0, &[(100_000, 7, -60.0), (0, 8, -60.0)]));
    }

    #[test]
    fn capture_needs_six_decibels() {
        let against = |dbm| survives(CollisionModel::Capture, -80.0, &[(50_000, 7, dbm)]);
        assert!(against(-86.0));
        assert!(!against(-85.9));
        assert!(survives(CollisionModel::Capture, -80.0, &[(0, 8, -40.0)]));
        // Each is compared by itself: several weak ones do not add up.
        assert!(survives(CollisionModel::Capture, -80.0, &[(0, 7, -86.0), (1, 7, -86.0), (2, 7, -86.0)]));
    }

    #[test]
    fn capture_spares_a_preamble_whose_last_five_symbols_are_clear() {
        // Three symbols of SF7 last 3.072 ms. The frame at 1 s begins at most so much before the other one ends.
        let other = |end_us: u64| Span::new(Instant::from_micros(900_000 + end_us), AIRTIME, SF7);
        let wanted = span(1_000_000, 7);
        let reaches = |end_us| Contact::between(&wanted, &other(end_us)).unwrap().reaches_critical_part;
        assert!(!reaches(3_072));
        assert!(reaches(3_073));
        assert!(Contact::between(&wanted, &other(0)).is_none());
    }

    #[test]
    fn matrices_hold_their_published_thresholds() {
        for (model, same_sf_db, sf8_db) in
            [(CollisionModel::Goursaud, 6.0, -16.0), (CollisionModel::Croce, 1.0, -8.0)]
        {
            for (sf, threshold) in [(7, same_sf_db), (8, sf8_db)] {
                assert!(survives(model, -80.0, &[(0, sf, -80.0 - threshold - 0.01)]), "{model:?} SF{sf}");
                assert!(!survives(model, -80.0, &[(0, sf, -80.0 - threshold + 0.01)]), "{model:?} SF{sf}");
            }
        }
    }

    /// What is true of both tables by the nature of chirps: the same spreading factor disturbs far more than any other,
    /// and a longer chirp resists every one of them better.
    #[test]
    fn longer_chirps_resist_better() {
        for matrix in [GOURSAUD_DB, CROCE_DB] {
            for (wanted, row) in matrix.iter().enumerate() {
                let same = row[wanted];
                assert!(row.iter().all(|&other| other == same || other < same - 8.0));
                for (longer, below) in matrix.iter().enumerate().skip(wanted + 1) {
                    assert!((0..6).filter(|&sf| sf != wanted && sf != longer).all(|sf| below[sf] < row[sf]));
                }
            }
        }
    }

    #[test]
    fn matrices_count_energy_over_the_overlap_and_add_it_up() {
        // 6 dB weaker over the whole frame is the limit; half the overlap allows 3 dB more.
        let model = CollisionModel::Goursaud;
        assert!(survives(model, -80.0, &[(50_000, 7, -83.02)]));
        assert!(!survives(model, -80.0, &[(50_000, 7, -82.98)]));
        assert!(survives(model, -80.0, &[(0, 7, -89.02), (0, 7, -89.02)]));
        assert!(!survives(model, -80.0, &[(0, 7, -88.98), (0, 7, -88.98)]));
        // Spreading factors are compared each by itself.
        assert!(survives(model, -80.0, &[(0, 7, -86.1), (0, 8, -64.1), (0, 9, -62.1)]));
    }
}
