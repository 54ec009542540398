//! Autoencoder by OS-ELM: one digit is usual, the other nine are not.
use crate::data::{self, Labelled, SPLITS};
use crate::section::{Bar, Section, Table, mean, percent};
use anyhow::Result;
use chirrup_learn::least_squares::autoencoder::{Autoencoder, Finding, Scores};
use chirrup_learn::least_squares::layer::Layer;

const UNITS: usize = 16;
const WINDOW: u32 = 40;

/// What a detector makes of a test: area under the curve, unusual samples found, usual ones called unusual.
struct Outcome {
    area: f64,
    found: f64,
    false_alarms: f64,
}

/// Probability that an unusual sample's score is above a usual one's.
fn area(unusual: &[f32], usual: &[f32]) -> f64 {
    let share = |score: &f32| -> f64 {
        let above = usual.iter().filter(|other| score > other).count();
        let equal = usual.iter().filter(|other| score == *other).count();
        above as f64 + 0.5 * equal as f64
    };
    unusual.iter().map(share).sum::<f64>() / (unusual.len() * usual.len()) as f64
}

fn detect(train: &Labelled, test: &Labelled, usual: usize, detector: Autoencoder) -> Result<Outcome> {
    let (mut covariance, mut readout) =
        (vec![0.0; detector.covariance_len()], vec![0.0; detector.readout_len()]);
    let (mut scores, mut scratch) = (Scores::default(), vec![0.0; detector.scratch_len()]);
    detector.start(&mut covariance, &mut readout)?;
    for (sample, _) in train.iter() {
        detector.step(&mut covariance, &mut readout, &mut scores, sample, &mut scratch)?;
    }
    let (mut of, mut called) = ([Vec::new(), Vec::new()], [0.0; 2]);
    for (sample, label) in test.iter() {
        let verdict = detector.judge(&readout, &scores, sample, &mut scratch[..detector.features])?;
        let side = usize::from(label == usual);
        of[side].push(verdict.score);
        called[side] += f64::from(u8::from(verdict.finding == Finding::Unusual));
    }
    let [unusual, usual] = &of;
    Ok(Outcome {
        area: area(unusual, usual),
        found: called[0] / unusual.len() as f64,
        false_alarms: called[1] / usual.len() as f64,
    })
}

/// The same by what a computer with all samples in memory can do: distance from their mean, and from the nearest.
fn baselines(train: &Labelled, test: &Labelled, usual: usize) -> [f64; 2] {
    let mean: Vec<f32> = (0..train.shape.features)
        .map(|f| train.samples.iter().map(|sample| sample[f]).sum::<f32>() / train.len() as f32)
        .collect();
    let distance =
        |left: &[f32], right: &[f32]| -> f32 { left.iter().zip(right).map(|(l, r)| (l - r) * (l - r)).sum() };
    let nearest = |sample: &[f32]| {
        train.samples.iter().map(|other| distance(sample, other)).fold(f32::INFINITY, f32::min)
    };
    let of = |score: &dyn Fn(&[f32]) -> f32| {
        let scores = |is_usual: bool| {
            let wanted = test.iter().filter(|(_, label)| (*label == usual) == is_usual);
            wanted.map(|(sample, _)| score(sample)).collect::<Vec<_>>()
        };
        area(&scores(false), &scores(true))
    };
    [of(&|sample| distance(sample, &mean)), of(&nearest)]
}

/// Each digit in its turn as the usual one.
pub fn section() -> Result<Section> {
    let digits = data::digits_about_zero();
    let (mut rows, mut areas) = (Vec::new(), Vec::new());
    for deviations in [2.0, 3.0] {
        let (mut outcomes, mut others) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (usual, seed) in (0..10).flat_map(|usual| SPLITS.map(move |seed| (usual, seed))) {
            let split = digits.cut(seed);
            let train = split.train.only(|label| label == usual);
            let layer = Layer { seed: seed as u32, units: UNITS, gain: 0.25 };
            let features = digits.shape.features;
            let detector = Autoencoder { features, layer, ridge: 1.0, deviations, window: WINDOW };
            outcomes.push(detect(&train, &split.test, usual, detector)?);
            for (all, area) in others.iter_mut().zip(baselines(&train, &split.test, usual)) {
                all.push(area);
            }
        }
        let of_all = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).collect::<Vec<_>>();
        areas = of_all(|outcome| outcome.area);
        rows.push(vec![
            format!("{deviations}"),
            percent(&areas),
            percent(&of_all(|outcome| outcome.found)),
            percent(&of_all(|outcome| outcome.false_alarms)),
            percent(&others[0]),
            percent(&others[1]),
        ]);
    }
    let head =
        vec!["deviations", "area under the curve", "found", "false alarms", "area: mean", "area: nearest"];
    Ok(Section {
        title: "Anomalies",
        text: format!(
            "An autoencoder by OS-ELM, {UNITS} units (4,652 B), learns the 126 or so training samples of one digit in one \
             pass; the other nine digits are\nunusual. The area under the curve is the chance that an unusual sample \
             scores above a usual one; 50 is chance.\nFound and false alarms are those of a threshold so many deviations \
             above the mean score of the last {WINDOW} learned. Calling\neverything unusual would find 100 percent \
             with 100 percent false alarms."
        ),
        tables: vec![Table {
            caption: "In percent, over ten usual digits and eight splits; beside the area of the distance from the mean of \
                      the training samples, and from the nearest of them, all kept (32 kB)."
                .into(),
            head,
            rows,
        }],
        bars: vec![Bar::at_least("anomalies, digits: area under the curve", 0.99, mean(&areas))],
    })
}
