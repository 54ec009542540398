//! Echo state network on NARMA-10.
use crate::section::{Bar, Section, Table, figure, mean};
use anyhow::{Result, ensure};
use chirrup_learn::dot;
use chirrup_learn::least_squares::echo_state::EchoState;
use chirrup_learn::least_squares::packed;
use chirrup_learn::least_squares::rotations::Rotations;
use chirrup_learn::random::Random;

const WASHOUT: usize = 200;
const TRAIN: usize = 2_000;
const TEST: usize = 2_000;
const SEEDS: std::ops::Range<u64> = 11..21;
const RIDGES: [f32; 5] = [1e-3, 1e-5, 1e-7, 1e-8, 1e-9];
/// Past inputs that the linear baseline sees.
const TAPS: usize = 40;
/// Units, and the error that a reference reached with them.
const UNITS: [(usize, f64); 3] = [(50, 0.384), (100, 0.305), (200, 0.211)];

/// The input, uniform from 0 to 1/2, and what follows it:
/// y(t+1) = .3 y(t) + .05 y(t) (y(t) + .. + y(t-9)) + 1.5 u(t) u(t-9) + .1 (Atiya and Parlos 2000).
fn narma(seed: u64) -> Result<(Vec<f32>, Vec<f32>)> {
    let (mut random, len) = (Random::new(seed), WASHOUT + TRAIN + TEST);
    let u: Vec<f64> = (0..len).map(|_| 0.5 * f64::from(random.unit())).collect();
    let mut y = vec![0.0; len + 1];
    for t in 9..len {
        let recent: f64 = y[t - 9..=t].iter().sum();
        y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * recent + 1.5 * u[t - 9] * u[t] + 0.1;
    }
    ensure!(y.iter().all(|value| *value < 2.0), "the series of seed {seed} diverges");
    // Inputs from -1 to 1.
    let inputs = u.iter().map(|value| (4.0 * value - 1.0) as f32).collect();
    Ok((inputs, y[1..].iter().map(|value| *value as f32).collect()))
}

/// Root of the mean squared error as a share of the targets' deviation.
fn nrmse(answers: &[f32], targets: &[f32]) -> f64 {
    let targets: Vec<f64> = targets.iter().map(|&target| target.into()).collect();
    let square = |value: f64| value * value;
    let error = answers.iter().zip(&targets).map(|(answer, target)| square(f64::from(*answer) - target));
    let variance = targets.iter().map(|target| square(target - mean(&targets)));
    libm::sqrt(error.sum::<f64>() / variance.sum::<f64>())
}

fn network(units: usize, seed: u64) -> EchoState {
    EchoState {
        seed: seed as u32,
        inputs: 1,
        units,
        outputs: 1,
        radius: 0.85,
        input_gain: 0.02,
        bias_gain: 0.5,
        ridge: 1e-9,
    }
}

fn error_of(network: EchoState, inputs: &[f32], targets: &[f32]) -> Result<f64> {
    let (mut state, mut triangle) = (vec![0.0; network.units], vec![0.0; network.triangle_len()]);
    let (mut readout, mut scratch) =
        (vec![0.0; network.readout_len()], vec![0.0; network.learning_scratch_len()]);
    let (len, mut answers) = (network.scratch_len(), vec![0.0; TEST]);
    network.start(&mut state, &mut triangle)?;
    for (t, (input, target)) in inputs.chunks(1).zip(targets.chunks(1)).enumerate() {
        network.advance(&mut state, input, &mut scratch[..len])?;
        match t.checked_sub(WASHOUT + TRAIN) {
            None if t < WASHOUT => {}
            None => network.learn(&mut triangle, &state, input, target, &mut scratch)?,
            Some(test) => {
                if test == 0 {
                    network.solve(&triangle, &mut readout)?;
                }
                let answer = &mut answers[test..=test];
                network.answer(&readout, &state, input, answer, &mut scratch[..len])?;
            }
        }
    }
    Ok(nrmse(&answers, &targets[WASHOUT + TRAIN..]))
}

/// Linear regression on the last inputs.
fn linear_error(inputs: &[f32], targets: &[f32]) -> Result<f64> {
    let learner = Rotations { inputs: TAPS + 1, outputs: 1, ridge: 1e-6 };
    let (mut triangle, mut readout) = (vec![0.0; learner.triangle_len()], vec![0.0; learner.readout_len()]);
    learner.start(&mut triangle)?;
    let past = |t: usize| [&inputs[t + 1 - TAPS..=t], &[1.0]].concat();
    for (t, target) in targets.iter().enumerate().take(WASHOUT + TRAIN).skip(WASHOUT) {
        learner.add(&mut triangle, &mut past(t), &mut [*target])?;
    }
    learner.solve(&triangle, &mut readout)?;
    let mut answers = vec![0.0; TEST];
    for (test, answer) in answers.chunks_mut(1).enumerate() {
        learner.answer(&readout, &past(WASHOUT + TRAIN + test), answer)?;
    }
    Ok(nrmse(&answers, &targets[WASHOUT + TRAIN..]))
}

/// The same network's error by sums of products and Cholesky's factor of them; none where that does not exist.
fn error_by_sums(network: EchoState, inputs: &[f32], targets: &[f32]) -> Result<Option<f64>> {
    let (len, units) = (network.scratch_len(), network.units);
    let (mut state, mut scratch, mut answers) = (vec![0.0; units], vec![0.0; len], vec![0.0; TEST]);
    let (mut sums, mut readout) = (vec![0.0; packed::len(len)], vec![0.0; len]);
    packed::set_identity(&mut sums, len, network.ridge)?;
    for (t, (input, target)) in inputs.chunks(1).zip(targets).enumerate() {
        network.advance(&mut state, input, &mut scratch)?;
        let read = [&state, input, &[1.0]].concat();
        if let Some(test) = t.checked_sub(WASHOUT + TRAIN) {
            if test == 0 {
                if packed::factor(&mut sums, len).is_err() {
                    return Ok(None);
                }
                packed::solve_lower(&sums, len, &mut readout, 1)?;
                packed::solve_upper(&sums, len, &mut readout, 1)?;
            }
            answers[test] = dot::dot(&readout, &read);
        } else if t >= WASHOUT {
            packed::add_outer(&mut sums, 1.0, &read)?;
            dot::add_scaled(&mut readout, *target, &read);
        }
    }
    Ok(Some(nrmse(&answers, &targets[WASHOUT + TRAIN..])))
}

/// Both ways to the readout at several ridges.
fn ridges(series: &[(Vec<f32>, Vec<f32>)]) -> Result<Table> {
    let mut rows = Vec::new();
    for ridge in RIDGES {
        let (mut rotated, mut summed) = (Vec::new(), Vec::new());
        for (seed, (inputs, targets)) in SEEDS.zip(series) {
            let network = EchoState { ridge, ..network(100, seed) };
            rotated.push(error_of(network, inputs, targets)?);
            summed.extend(error_by_sums(network, inputs, targets)?);
        }
        let failed = series.len() - summed.len();
        let summed = if summed.is_empty() { "none".into() } else { figure(mean(&summed)) };
        rows.push(vec![format!("{ridge:e}"), figure(mean(&rotated)), summed, failed.to_string()]);
    }
    Ok(Table {
        caption: "100 units: mean NRMSE by rotations, and by sums of products and Cholesky's factor where there is one, \
                  both in single precision."
            .into(),
        head: vec!["ridge", "rotations", "sums", "of ten, sums that are not definite"],
        rows,
    })
}

fn row(name: String, bytes: [String; 2], errors: &[f64], reference: String) -> Vec<String> {
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let most = errors.iter().copied().fold(0.0, f64::max);
    let error = format!("{} ({} to {})", figure(mean(errors)), figure(least), figure(most));
    let [learning, using] = bytes;
    vec![name, learning, using, error, reference]
}

/// The error over ten series, each with a reservoir of its own.
pub fn section() -> Result<Section> {
    let series = SEEDS.map(narma).collect::<Result<Vec<_>>>()?;
    let linear = series.iter().map(|(u, y)| linear_error(u, y)).collect::<Result<Vec<_>>>()?;
    let none = || ["".into(), "".into()];
    let mut rows = vec![
        row("the mean".into(), none(), &[1.0], "".into()),
        row(format!("linear in the last {TAPS} inputs"), none(), &linear, "".into()),
    ];
    let mut bars = Vec::new();
    for (units, reference) in UNITS {
        let errors = SEEDS.zip(&series).map(|(seed, (u, y))| error_of(network(units, seed), u, y));
        let errors = errors.collect::<Result<Vec<_>>>()?;
        if units == 100 {
            bars.push(Bar::at_most(
                "echo state network, NARMA-10, 100 units: NRMSE",
                reference,
                mean(&errors),
            ));
        }
        let network = network(units, 0);
        let bytes = [network.triangle_len() + units, network.readout_len() + units];
        let bytes = bytes.map(|entries| (4 * entries).to_string());
        rows.push(row(format!("{units} units"), bytes, &errors, format!("{reference}")));
    }
    Ok(Section {
        title: "Echo state networks",
        text: format!(
            "NARMA-10, in single precision: {WASHOUT} steps of washout, {TRAIN} to learn from, {TEST} to be judged on. \
             The error is the root of the mean\nsquared error over the standard deviation of the targets (NRMSE), its \
             mean and range over ten series with a reservoir each; \
             settings were chosen on other series.\n\nWhat decided was precision: the task wants a ridge so small that sums \
             of products in single precision do not hold it.\nSamples rotated into Cholesky's factor hold it in the same bytes."
        ),
        tables: vec![
Table {
            caption: "Bytes while it learns and while it only answers; the reference is an independent implementation's."
                .into(),
            head: vec!["model", "learning, B", "answering, B", "NRMSE", "reference"],
            rows,
        }, ridges(&series)?],
        bars,
    })
}
