//! A trained network meets other data: what must change of it?
use super::accuracy::Bytes;
use super::{MLP, WHOLE, WIDTHS, accuracy, fit, initial};
use crate::data::{Labelled, SPLITS};
use crate::section::{Bar, Table, mean};
use anyhow::Result;
use chirrup_learn::Shape;
use chirrup_learn::features::scale;
use chirrup_learn::network::head::{Head, frozen};
use chirrup_learn::network::plan::{Plan, Update, choose_channels};
use chirrup_learn::network::train::Backprop;
use chirrup_learn::random::Random;

/// Passes before, and after the data changed.
const BEFORE: usize = 20;
const AFTER: usize = 10;
/// Momentum multiplies what a step moves in the end by ten.
const WITH_MOMENTUM: Backprop = Backprop { learning_rate: 0.002, momentum: Some(0.9), ..WHOLE };
/// Hidden units whose weights change, of 32.
const CHANNELS: usize = 12;
/// Share of the samples that nodes are judged on, in percent.
const TEST_PERCENT: usize = 30;
const BRIGHTEST: f32 = 16.0;

/// Points that a sparse update may lose.
const ASKED: f64 = 1.0;

/// What is asked of a sparse update.
enum AskedOfSparse {
    /// To lose at most [`ASKED`] points.
    LittleLoss,
    /// The same; it is known to lose more, and held to this.
    Held(f64),
    /// Nothing: the full update fails.
    Nothing,
}

/// What happens to the data.
struct Task {
    name: &'static str,
    /// What becomes of a sample of 8 x 8 pixels.
    change: fn(&[f32]) -> Vec<f32>,
    /// Whether a digit is there before, and afterwards.
    is_before: fn(usize) -> bool,
    is_after: fn(usize) -> bool,
    asked: AskedOfSparse,
}

const TASKS: [Task; 7] = [
    Task {
        name: "5 to 9 after 0 to 4",
        change: <[f32]>::to_vec,
        is_before: |digit| digit < 5,
        is_after: |digit| digit >= 5,
        asked: AskedOfSparse::LittleLoss,
    },
    any(
        "shifted by a pixel",
        |image| moved(image, |row, column| (row, column - 1)),
        AskedOfSparse::LittleLoss,
    ),
    any(
        "turned by 90 degrees",
        |image| moved(image, |row, column| (column, 7 - row)),
        AskedOfSparse::LittleLoss,
    ),
    any("mirrored", |image| moved(image, |row, column| (row, 7 - column)), AskedOfSparse::LittleLoss),
    any("pixels of other gain and offset", drifted, AskedOfSparse::LittleLoss),
    any("noise of a quarter of the range", noisy, AskedOfSparse::Held(3.5)),
    any("inverted", |image| image.iter().map(|pixel| BRIGHTEST - pixel).collect(), AskedOfSparse::Nothing),
];

const fn any(name: &'static str, change: fn(&[f32]) -> Vec<f32>, asked: AskedOfSparse) -> Task {
    Task { name, change, is_before: |_| true, is_after: |_| true, asked }
}

fn moved(image: &[f32], from: fn(i32, i32) -> (i32, i32)) -> Vec<f32> {
    let pixel = |(row, column): (i32, i32)| {
        let is_inside = (0..8).contains(&row) && (0..8).contains(&column);
        if is_inside { image[(8 * row + column) as usize] } else { 0.0 }
    };
    (0..64).map(|index| pixel(from(index / 8, index % 8))).collect()
}

/// Each pixel has a gain from 0.2 to 1.8 and an offset from 0 to 6 of its own.
fn drifted(image: &[f32]) -> Vec<f32> {
    let mut random = Random::new(9);
    image.iter().map(|pixel| pixel * (1.0 + 0.8 * random.symmetric()) + 6.0 * random.unit()).collect()
}

/// The image decides its noise, from -4 to 4.
fn noisy(image: &[f32]) -> Vec<f32> {
    let seed = image.iter().fold(0u64, |seed, pixel| seed.wrapping_mul(31).wrapping_add(*pixel as u64));
    let mut random = Random::new(seed);
    image.iter().map(|pixel| pixel + 4.0 * random.symmetric()).collect()
}

/// What the network was trained on, and what the node learns from and is judged on; all on the scale of the first.
struct Episode {
    before: Labelled,
    train: Labelled,
    test: Labelled,
}

impl Episode {
    fn new(digits: &Labelled, task: &Task, seed: u64) -> Result<Self> {
        let order = digits.order(seed);
        let (test, train) = order.split_at((digits.len() * TEST_PERCENT).div_ceil(100));
        let before = digits.picked(train.iter().copied()).only(task.is_before);
        let scales = before.scales()?;
        let scaled = |mut data: Labelled, change: fn(&[f32]) -> Vec<f32>| -> Result<Labelled> {
            for sample in &mut data.samples {
                let changed = change(sample);
                scale::apply(&scales, &changed, sample)?;
            }
            Ok(data)
        };
        let after = |indices: &[usize]| {
            scaled(digits.picked(indices.iter().copied()).only(task.is_after), task.change)
        };
        Ok(Self { train: after(train)?, test: after(test)?, before: scaled(before, <[f32]>::to_vec)? })
    }
}

/// Accuracies, in the order of the table's columns.
const COLUMNS: usize = 6;

fn adapted(episode: &Episode, seed: u64) -> Result<[f64; COLUMNS]> {
    let mut body: Vec<f32> = initial(seed)?;
    fit(WITH_MOMENTUM, &mut body, &episode.before, 0..BEFORE)?;
    let mask = chosen(&body, episode)?;
    let plan = [Update::Channels(&mask), Update::Whole];
    let sparse = Plan::Layers(&plan);
    let first = [Update::Channels(&FIRST), Update::Whole];
    let of_plan = |plan| {
        let mut params = body.clone();
        fit(Backprop { plan, ..WITH_MOMENTUM }, &mut params, &episode.train, 0..AFTER)?;
        accuracy(&params, &episode.test)
    };
    let mut bytes = Bytes::of(&body, &episode.train, 2.0)?;
    bytes.fit(sparse, WHOLE.learning_rate, &episode.train, 0..AFTER)?;
    Ok([
        accuracy(&body, &episode.test)?,
        of_plan(Plan::Whole)?,
        of_plan(sparse)?,
        of_plan(Plan::Layers(&first))?,
        bytes.accuracy(&episode.test)?,
        new_head(&body, episode)?,
    ])
}

/// As many channels as are chosen, but simply the first.
const FIRST: [u8; 2] = [0xff, 0x0f];

/// The channels that move farthest in one pass over all parameters.
fn chosen(body: &[f32], episode: &Episode) -> Result<[u8; 4]> {
    let mut probe = body.to_vec();
    fit(WITH_MOMENTUM, &mut probe, &episode.train, 0..1)?;
    let row = WIDTHS[0] + 1;
    let rows = body.chunks_exact(row).zip(probe.chunks_exact(row)).take(WIDTHS[1]);
    let scores: Vec<f32> = rows
        .map(|(before, after)| {
            before.iter().zip(after).map(|(before, after)| (after - before) * (after - before)).sum()
        })
        .collect();
    let mut mask = [0; 4];
    choose_channels(&scores, CHANNELS, &mut mask);
    Ok(mask)
}

/// A new last layer on the frozen first, with the settings of TinyFedTL.
fn new_head(body: &[f32], episode: &Episode) -> Result<f64> {
    let shape = Shape { features: WIDTHS[1], classes: WIDTHS[2] };
    let mut work = vec![0.0; MLP.scratch_len()];
    let mut head = Head::new(frozen(MLP, body, 1, &mut work), shape);
    let (mut params, mut scratch) = (vec![0.0; shape.linear_params()], vec![0.0; head.scratch_len()]);
    for pass in 0..AFTER {
        for index in episode.train.order(pass as u64) {
            head.step(&mut params, &episode.train.samples[index], episode.train.labels[index], &mut scratch)?;
        }
    }
    Ok(episode.test.accuracy(|sample| head.predict(&params, sample, &mut scratch))?)
}

/// Activations kept, errors, and optimiser state of a step.
fn step_bytes(plan: Plan) -> usize {
    let learner = Backprop { plan, ..WITH_MOMENTUM };
    4 * (learner.scratch_len() + learner.velocity_len())
}

/// The table of tasks, and what a sparse update loses and saves.
pub fn measure(digits: &Labelled) -> Result<(Vec<Table>, Vec<Bar>)> {
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    let full = step_bytes(Plan::Whole);
    let sparse = step_bytes(Plan::Layers(&[Update::Channels(&FIRST), Update::Whole]));
    bars.push(Bar::at_most(
        "sparse update, share of the full update's memory",
        0.5,
        sparse as f64 / full as f64,
    ));
    for task in &TASKS {
        let results = SPLITS
            .map(|seed| adapted(&Episode::new(digits, task, seed)?, seed))
            .collect::<Result<Vec<_>>>()?;
        let column =
            |index: usize| 100.0 * mean(&results.iter().map(|of_split| of_split[index]).collect::<Vec<_>>());
        let what = format!("sparse minus full update, {}, points", task.name);
        let difference = column(2) - column(1);
        bars.extend(match task.asked {
            AskedOfSparse::LittleLoss => Some(Bar::at_least(what, -ASKED, difference)),
            AskedOfSparse::Held(held) => Some(Bar::short_of(what, -ASKED, -held, difference)),
            AskedOfSparse::Nothing => None,
        });
        let cells = (0..COLUMNS).map(|index| format!("{:.1}", column(index)));
        rows.push([task.name.to_string()].into_iter().chain(cells).collect());
    }
    let head = 4 * Shape { features: WIDTHS[1], classes: WIDTHS[2] }.linear_params();
    let caption = format!(
        "Accuracy in percent, mean of {} splits. A network trained on digits ({BEFORE} passes) learns from {AFTER} passes of \
         other ones, on the\nscale of the old. *Full*: all parameters. *Sparse*: the weights of {CHANNELS} of 32 hidden \
         units, all hidden biases and the last\nlayer. The units are those that move farthest in one full pass over the \
         same data, done elsewhere, or simply the first.\nStep size 0.002, momentum 0.9. Activations kept, errors and \
         momentum take {full} B in full and {sparse} B sparse; parameters\nthat change, and would be sent: {} and {}. \
         *Sparse, bytes*: the same plan in the network of bytes, step size {}, no\nmomentum. *New head*: settings of \
         TinyFedTL, {head} B of parameters.",
        SPLITS.count(),
        MLP.params_len(),
        CHANNELS * WIDTHS[0] + WIDTHS[1] + WIDTHS[2] * (WIDTHS[1] + 1),
        WHOLE.learning_rate,
    );
    let head = vec![
        "the new digits are",
        "before",
        "full",
        "sparse",
        "sparse, first units",
        "sparse, bytes",
        "new head",
    ];
    Ok((vec![Table { caption, head, rows }], bars))
}
