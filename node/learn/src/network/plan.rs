//! Sparse update: which layers and channels of a network training may change.
//!
//! Source: Lin et al., *On-Device Training Under 256KB Memory* (NeurIPS 2022), section 2.2. Biases need no activations,
//! late layers need no errors of early ones, and few channels need little optimiser state; which channels deserve it
//! is decided ahead. A channel is an output of a layer: one row of its parameters.
//!
//! State: a bit a channel, usually in flash.

/// What may change in one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update<'a> {
    /// Nothing.
    Frozen,
    /// The biases of all channels.
    Biases,
    /// The biases of all channels and the weights of some: channel `c` is bit `c % 8`, from the lowest, of byte
    /// `c / 8`. Channels beyond the mask are not chosen.
    Channels(&'a [u8]),
    /// Everything.
    Whole,
}

impl Update<'_> {
    /// Whether the weights of a channel change.
    pub const fn has_weights_of(self, channel: usize) -> bool {
        match self {
            Self::Frozen | Self::Biases => false,
            Self::Channels(mask) => channel / 8 < mask.len() && mask[channel / 8] >> (channel % 8) & 1 == 1,
            Self::Whole => true,
        }
    }

    /// Parameters that change, of a layer with so many inputs and outputs.
    pub const fn params_len(self, inputs: usize, outputs: usize) -> usize {
        if matches!(self, Self::Frozen) {
            return 0;
        }
        let (mut sum, mut channel) = (outputs, 0);
        while channel < outputs {
            if self.has_weights_of(channel) {
                sum += inputs;
            }
            channel += 1;
        }
        sum
    }
}

/// What may change in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan<'a> {
    /// Everything.
    Whole,
    /// Of each layer what its entry says, the first layer first; layers without an entry are frozen.
    Layers(&'a [Update<'a>]),
}

impl<'a> Plan<'a> {
    /// What may change in a layer.
    pub const fn update(self, layer: usize) -> Update<'a> {
        match self {
            Self::Whole => Update::Whole,
            Self::Layers(updates) if layer < updates.len() => updates[layer],
            Self::Layers(_) => Update::Frozen,
        }
    }

    /// The first layer that changes; `layers` when none does.
    pub const fn first(self, layers: usize) -> usize {
        let mut layer = 0;
        while layer < layers && matches!(self.update(layer), Update::Frozen) {
            layer += 1;
        }
        layer
    }
}

/// Chooses the `count` channels of the highest scores, the lowest index of equals, and clears the others' bits. A
/// score that is not a number is never chosen. Channels beyond the mask are not considered.
///
/// A score worth having: how far a channel moved when all of them were trained on similar data, on a larger machine.
pub fn choose_channels(scores: &[f32], count: usize, mask: &mut [u8]) {
    mask.fill(0);
    let considered = &scores[..scores.len().min(8 * mask.len())];
    for _ in 0..count.min(considered.len()) {
        let mut best: Option<(usize, f32)> = None;
        for (channel, &score) in considered.iter().enumerate() {
            let free = mask[channel / 8] >> (channel % 8) & 1 == 0;
            if free && !score.is_nan() && best.is_none_or(|(_, highest)| score > highest) {
                best = Some((channel, score));
            }
        }
        let Some((channel, _)) = best else { return };
        mask[channel / 8] |= 1 << (channel % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_scores_are_chosen() {
        let mut mask = [0xff; 2];
        choose_channels(&[0.5, f32::NAN, 2.0, 0.5, -1.0, 0.0, 0.0, 0.0, 0.0, 7.0], 3, &mut mask);
        assert_eq!(mask, [0b101, 0b10]);
        choose_channels(&[f32::NAN, 1.0], 5, &mut mask);
        assert_eq!(mask, [0b10, 0]);
        choose_channels(&[1.0; 20], 20, &mut mask);
        assert_eq!(mask, [0xff; 2], "a mask bounds the channels");
    }

    #[test]
    fn an_update_counts_its_parameters() {
        assert_eq!(Update::Frozen.params_len(5, 3), 0);
        assert_eq!(Update::Biases.params_len(5, 3), 3);
        assert_eq!(Update::Channels(&[0b1010]).params_len(5, 3), 8, "bit 3 is no channel");
        assert_eq!(Update::Channels(&[]).params_len(5, 3), 3);
        assert_eq!(Update::Whole.params_len(5, 3), 18);
    }

    #[test]
    fn layers_without_an_entry_are_frozen() {
        let plan = Plan::Layers(&[Update::Frozen, Update::Biases]);
        assert_eq!((plan.update(1), plan.update(2)), (Update::Biases, Update::Frozen));
        assert_eq!((plan.first(3), Plan::Layers(&[]).first(3), Plan::Whole.first(3)), (1, 3, 0));
    }
}
