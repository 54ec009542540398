//! The codecs of models: the whole model, 6 bits a parameter.
use super::{Item, Memory, PARAMS};
use chirrup_protocol::codec::linear;

/// All items of this section.
pub const ITEMS: &[Item] = &[
    Item::new("linear, encode", PARAMS, encode_linear),
    Item::new("linear, decode", PARAMS, |m, n| {
        linear::decode(&m.object[..m.used_bytes], columns(n), 6, &mut m.decoded[..n]).ok()
    })
    .after(encode_linear),
];

fn encode_linear(memory: &mut Memory, params: usize) -> Option<()> {
    let update = &memory.update[..params];
    memory.used_bytes = linear::encode(update, columns(params), 6, &mut memory.object).ok()?;
    Some(())
}

/// Columns of a linear model with ten classes.
const fn columns(params: usize) -> usize {
    params / 10
}
