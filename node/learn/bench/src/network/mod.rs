//! Small networks: trained in f32, Q16.16 and bytes, as a whole and in part, and made smaller.
mod accuracy;
mod smaller;
mod transfer;

use crate::data::{self, Labelled, SPLITS, Split};
use crate::section::Section;
use anyhow::Result;
use chirrup_learn::network::mlp::Mlp;
use chirrup_learn::network::plan::Plan;
use chirrup_learn::network::train::Backprop;
use chirrup_learn::random::Random;
use chirrup_learn::scalar::{Scalar, convert};

const WIDTHS: [usize; 3] = [64, 32, 10];
const MLP: Mlp = Mlp { widths: &WIDTHS };
/// How networks learn here unless said otherwise.
const WHOLE: Backprop =
    Backprop { mlp: MLP, plan: Plan::Whole, learning_rate: 0.03, momentum: None, clip_norm: 5.0 };

/// A network before its first sample.
fn initial<S: Scalar>(seed: u64) -> Result<Vec<S>> {
    let mut params = vec![S::ZERO; MLP.params_len()];
    MLP.init(&mut params, &mut Random::new(seed))?;
    Ok(params)
}

/// Passes over the data, each in an order of its own.
fn fit<S: Scalar>(
    learner: Backprop,
    params: &mut [S],
    data: &Labelled,
    passes: std::ops::Range<usize>,
) -> Result<()> {
    let mut velocity = vec![S::ZERO; learner.velocity_len()];
    let mut scratch = vec![S::ZERO; learner.scratch_len()];
    let mut sample = vec![S::ZERO; data.shape.features];
    for pass in passes {
        for index in data.order(pass as u64) {
            convert(&data.samples[index], &mut sample)?;
            learner.step(params, &mut velocity, &sample, data.labels[index], &mut scratch)?;
        }
    }
    Ok(())
}

/// Share of the samples whose label a network predicts.
fn accuracy<S: Scalar>(params: &[S], data: &Labelled) -> Result<f64> {
    let (mut probabilities, mut scratch) = ([S::ZERO; WIDTHS[2]], vec![S::ZERO; MLP.scratch_len()]);
    let mut converted = vec![S::ZERO; data.shape.features];
    data.accuracy(|sample| {
        convert(sample, &mut converted)?;
        Ok(MLP.predict(params, &converted, &mut probabilities, &mut scratch)?)
    })
}

/// All tables.
pub fn section() -> Result<Section> {
    let digits = data::digits();
    let splits = SPLITS.map(|seed| digits.split(seed)).collect::<Result<Vec<Split>>>()?;
    let (mut tables, mut bars) = accuracy::measure(&splits)?;
    let (transfer, of_transfer) = transfer::measure(&digits)?;
    let (smaller, of_smaller) = smaller::measure(&splits)?;
    tables.extend([transfer, smaller].into_iter().flatten());
    bars.extend([of_transfer, of_smaller].into_iter().flatten());
    Ok(Section { title: "Small networks", text: text(), tables, bars })
}

fn text() -> String {
    let (rate, bound) = (WHOLE.learning_rate, WHOLE.clip_norm);
    format!(
        "A perceptron of 64 inputs, 32 hidden units with ReLU and 10 classes: 2,410 parameters, trained one sample at a time.\n\
         Step size {rate} and a gradient of norm at most {bound}, unless a table says otherwise. Step sizes were chosen by \
         these very\naccuracies, among four from 0.01 to 0.1.\n\
         \n\
         *Bytes, trained*: weights and activations of eight bits from the first sample on, with no f32 network before; \
         scales come\nfrom the untrained network with room to double, and 100 samples without their labels. *Bytes, \
         converted*: the f32\nnetwork after its passes, rounded. *Q16.16* rounds to nearest: steps below 2^-17 vanish.\n\
         \n\
         A step applies gradients at once and keeps none. So the memory that a sparse update saves is that of momentum; \
         without\nit, it saves instructions and bytes to send instead. Noise asks more of the first layer than 12 of its \
         units can learn.\nInverted digits lie at the ends of the old scale, where the full update leaves most units without output: a \
         node\nshould standardise anew before it learns from such data."
    )
}
