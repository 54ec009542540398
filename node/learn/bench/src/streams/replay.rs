//! A lopsided stream of digits, learnt with and without a memory.
use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::{Bar, Table, mean, percent};
use anyhow::{Context, Result};
use chirrup_learn::linear::softmax::Softmax;
use chirrup_learn::random::Random;
use chirrup_learn::streams::replay::{ClassCount, Draw, Memory, Replay};

/// How the stream is made.
pub const STREAM: &str = "Digits arrive one class after another, in random order; the most frequent class has 2,000 \
    samples, the rarest 20, the others\nin geometric steps between, all drawn with replacement. Softmax regression, step \
    size .02, makes one step on each sample and one\non a sample of a memory of 50 slots, or one or four of the latter alone.";
const MOST: f64 = 2_000.0;
const RATIO: f64 = 100.0;
const SLOTS: u16 = 50;
const LEARNING_RATE: f32 = 0.02;

/// What is kept of the past.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Nothing,
    Reservoir,
    Balanced(Draw),
}

/// What is learnt from when a sample has come.
#[derive(Clone, Copy)]
struct Lesson {
    /// Steps on the sample.
    own: usize,
    /// Steps on samples of the memory.
    replays: usize,
}

const LESSONS: [Lesson; 3] =
    [Lesson { own: 1, replays: 1 }, Lesson { own: 0, replays: 1 }, Lesson { own: 0, replays: 4 }];

/// Indices of samples in the order of their arrival.
fn stream(data: &Labelled, random: &mut Random) -> Vec<usize> {
    let mut shuffled = || {
        let mut order: Vec<usize> = (0..data.shape.classes).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, random.below(index as u32 + 1) as usize);
        }
        order
    };
    let (order, ranks) = (shuffled(), shuffled());
    let mut stream = Vec::new();
    for (class, rank) in order.into_iter().zip(ranks) {
        let own: Vec<usize> = (0..data.len()).filter(|&index| data.labels[index] == class).collect();
        let step = rank as f64 / (data.shape.classes - 1) as f64;
        let samples = libm::round(MOST * libm::pow(RATIO, -step)) as usize;
        stream.extend((0..samples).map(|_| own[random.below(own.len() as u32) as usize]));
    }
    stream
}

/// Both kinds of memory.
struct Memories {
    replay: Replay,
    values: Vec<u8>,
    labels: Vec<u16>,
    classes: Vec<ClassCount>,
    reservoir: Vec<usize>,
    seen: u32,
}

impl Memories {
    fn new(data: &Labelled) -> Self {
        let replay = Replay { shape: data.shape, slots: SLOTS };
        Self {
            replay,
            values: vec![0; replay.values_len()],
            labels: vec![0; replay.labels_len()],
            classes: vec![ClassCount::default(); replay.classes_len()],
            reservoir: Vec::new(),
            seen: 0,
        }
    }

    fn bytes(&self) -> usize {
        self.values.len() + 2 * self.labels.len() + size_of_val(self.classes.as_slice())
    }

    fn memory(&mut self) -> Memory<'_, u8> {
        Memory { values: &mut self.values, labels: &mut self.labels, classes: &mut self.classes }
    }

    /// Offers a sample.
    fn offer(&mut self, keep: Keep, data: &Labelled, index: usize, random: &mut Random) -> Result<()> {
        match keep {
            Keep::Nothing => {}
            Keep::Reservoir => self.offer_to_reservoir(index, random),
            Keep::Balanced(_) => {
                let replay = self.replay;
                replay.offer(&mut self.memory(), &data.samples[index], data.labels[index], random)?;
            }
        }
        Ok(())
    }

    /// Draws a sample with its label.
    fn draw(
        &mut self,
        keep: Keep,
        data: &Labelled,
        random: &mut Random,
    ) -> Result<Option<(Vec<f32>, usize)>> {
        let draw = match keep {
            Keep::Nothing => return Ok(None),
            Keep::Reservoir => {
                let index = self.reservoir[random.below(self.reservoir.len() as u32) as usize];
                return Ok(Some((data.samples[index].clone(), data.labels[index])));
            }
            Keep::Balanced(draw) => draw,
        };
        let (replay, memory) = (self.replay, self.memory());
        let slot = replay.draw(&memory, draw, random)?.context("a sample was offered")?;
        let mut sample = vec![0.0; data.shape.features];
        let label = replay.recall(&memory, slot, &mut sample)?;
        Ok(Some((sample, label)))
    }

    fn offer_to_reservoir(&mut self, index: usize, random: &mut Random) {
        self.seen += 1;
        if self.reservoir.len() < SLOTS.into() {
            self.reservoir.push(index);
        } else if let Some(slot) = self.reservoir.get_mut(random.below(self.seen) as usize) {
            *slot = index;
        }
    }
}

/// Balanced accuracy after the stream.
fn balanced_accuracy(split: &Split, seed: u64, keep: Keep, lesson: Lesson) -> Result<f64> {
    let (data, shape) = (&split.train, split.train.shape);
    let learner = Softmax { shape, learning_rate: LEARNING_RATE, l2: 0.0 };
    let (mut params, mut scratch) = (vec![0.0; shape.linear_params()], vec![0.0; shape.classes]);
    let (mut random, mut memories) = (Random::new(seed), Memories::new(data));
    for index in stream(data, &mut random) {
        for _ in 0..lesson.own {
            learner.step(&mut params, &data.samples[index], data.labels[index], &mut scratch)?;
        }
        memories.offer(keep, data, index, &mut random)?;
        for _ in 0..lesson.replays {
            if let Some((sample, label)) = memories.draw(keep, data, &mut random)? {
                learner.step(&mut params, &sample, label, &mut scratch)?;
            }
        }
    }
    Ok(split.test.balanced_accuracy(|sample| learner.predict(&params, sample, &mut scratch))?)
}

fn bar(name: &str, lesson: Lesson, asked: f64, measured: f64) -> Bar {
    let what = format!(
        "balanced accuracy, lopsided digits, {name}, steps on the sample: {}, on the memory: {}",
        lesson.own, lesson.replays
    );
    match lesson {
        Lesson { own: 0, replays: 1 } => Bar::short_of(what, asked, 0.83, measured),
        _ => Bar::at_least(what, asked, measured),
    }
}

/// Four memories, three ways to learn.
pub fn table(bars: &mut Vec<Bar>) -> Result<Table> {
    let digits = data::digits();
    let splits = SPLITS.map(|seed| Ok((seed, digits.split(seed)?))).collect::<Result<Vec<_>>>()?;
    let kept = [
        ("none", Keep::Nothing, None),
        ("plain reservoir", Keep::Reservoir, None),
        ("class-balancing, uniform replay", Keep::Balanced(Draw::Uniform), Some(0.85)),
        ("class-balancing, weighted replay", Keep::Balanced(Draw::Weighted), Some(0.85)),
    ];
    let mut rows = Vec::new();
    for (name, keep, asked) in kept {
        let mut row = vec![name.to_string()];
        for lesson in LESSONS {
            let accuracies = splits.iter().map(|(seed, split)| balanced_accuracy(split, *seed, keep, lesson));
            let accuracies = accuracies.collect::<Result<Vec<_>>>()?;
            row.push(percent(&accuracies));
            if let Some(asked) = asked {
                bars.push(bar(name, lesson, asked, mean(&accuracies)));
            }
        }
        rows.push(row);
    }
    let bytes = Memories::new(&splits[0].1.train).bytes();
    bars.push(Bar::at_most("memory of 50 slots, bytes", 3_500.0, bytes as f64));
    Ok(Table {
        caption: format!(
            "Balanced accuracy in percent, {SLOTS} slots of 64 features in {bytes} B; chance is 10.0."
        ),
        head: vec!["memory", "sample and one replay", "one replay alone", "four replays alone"],
        rows,
    })
}
