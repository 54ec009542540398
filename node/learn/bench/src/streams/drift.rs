//! Detectors of drift on streams of errors.
use crate::section::{Bar, Table, mean};
use anyhow::Result;
use chirrup_learn::random::Random;
use chirrup_learn::streams::adwin::{Adwin, Row, Window};
use chirrup_learn::streams::drift::DriftSignal;
use chirrup_learn::streams::page_hinkley::{PageHinkley, Rise};

/// How the streams are made.
pub const STREAM: &str = "Errors, zero or one, of a learner that errs in a tenth of the cases; after 2,000 of them it errs \
    more often. 200 seeds each; at\none value a second an hour has 3,600. Page-Hinkley: tolerance .05, threshold 10, \
    warning 5. ADWIN2: delta .002, warning .02, every\n32nd value, 10 rows.";
const SEEDS: u64 = 200;
const BEFORE: usize = 2_000;
/// Values after the change within which it must be found.
const AFTER: usize = 2_000;
const USUAL: f32 = 0.1;
/// Values without a change, for false alarms.
const QUIET: usize = 36_000;

const PAGE_HINKLEY: PageHinkley =
    PageHinkley { tolerance: 0.05, threshold: 10.0, warning: 5.0, warm_up: 100, horizon: u32::MAX };
const ADWIN: Adwin = Adwin { delta: 0.002, warning_delta: 0.02, period: 32 };
const ROWS: usize = 10;

/// A detector with its state.
enum Detector {
    PageHinkley(Rise),
    Adwin(Vec<Row>, u32),
}

impl Detector {
    fn page_hinkley() -> Self {
        Self::PageHinkley(Rise::default())
    }

    fn adwin() -> Self {
        Self::Adwin(vec![Row::default(); ROWS], 0)
    }

    fn update(&mut self, value: f32) -> Result<DriftSignal> {
        Ok(match self {
            Self::PageHinkley(state) => PAGE_HINKLEY.update(state, value)?,
            Self::Adwin(rows, updates) => ADWIN.update(&mut Window { rows, updates }, value)?,
        })
    }
}

fn error(random: &mut Random, rate: f32) -> f32 {
    if random.unit() < rate { 1.0 } else { 0.0 }
}

/// Values from the change to the signal; `None` when there was none in time. What was signalled before is forgotten.
fn delay(mut detector: Detector, seed: u64, rate: f32, wanted: DriftSignal) -> Result<Option<usize>> {
    let mut random = Random::new(seed);
    for _ in 0..BEFORE {
        detector.update(error(&mut random, USUAL))?;
    }
    for index in 1..=AFTER {
        if detector.update(error(&mut random, rate))? >= wanted {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Mean delay where there was a signal, and on how many streams there was none.
fn delays(detector: fn() -> Detector, rate: f32, wanted: DriftSignal) -> Result<(f64, usize)> {
    let delays = (0..SEEDS).map(|seed| delay(detector(), seed, rate, wanted)).collect::<Result<Vec<_>>>()?;
    let found: Vec<f64> = delays.iter().flatten().map(|&delay| delay as f64).collect();
    Ok((mean(&found), delays.len() - found.len()))
}

/// Signals of drift an hour where nothing changes.
fn false_alarms_an_hour(detector: fn() -> Detector) -> Result<f64> {
    let mut alarms = 0;
    for seed in 0..SEEDS / 10 {
        let (mut detector, mut random) = (detector(), Random::new(1_000 + seed));
        for _ in 0..QUIET {
            alarms += u32::from(detector.update(error(&mut random, USUAL))? == DriftSignal::Drift);
        }
    }
    Ok(f64::from(alarms) / (SEEDS / 10) as f64 / (QUIET as f64 / 3_600.0))
}

/// Delays and false alarms.
pub fn table(bars: &mut Vec<Bar>) -> Result<Table> {
    let detectors = [
        ("Page-Hinkley", Detector::page_hinkley as fn() -> Detector, size_of::<Rise>()),
        ("ADWIN2", Detector::adwin, ROWS * size_of::<Row>() + size_of::<u32>()),
    ];
    let mut rows = Vec::new();
    for (name, detector, bytes) in detectors {
        let alarms = false_alarms_an_hour(detector)?;
        let mut row = vec![name.to_string(), bytes.to_string(), format!("{alarms:.3}")];
        bars.push(Bar::at_most(format!("{name}, false alarms an hour"), 0.1, alarms));
        for rate in [0.2, 0.3, 0.6] {
            let (warning, _) = delays(detector, rate, DriftSignal::Warning)?;
            let (drift, missed) = delays(detector, rate, DriftSignal::Drift)?;
            row.push(format!("{warning:.0} / {drift:.0} / {missed}"));
            if rate == 0.6 {
                bars.push(Bar::at_most(
                    format!("{name}, values until a rise from .1 to .6 is found"),
                    64.0,
                    drift,
                ));
            }
        }
        rows.push(row);
    }
    Ok(Table {
        caption:
            "Mean values until a warning / until drift is signalled, / streams of 200 on which it was not within 2,000."
                .into(),
        head: vec![
            "detector",
            "state, B",
            "false alarms an hour",
            "to .2",
            "to .3",
            "to .6",
        ],
        rows,
    })
}
