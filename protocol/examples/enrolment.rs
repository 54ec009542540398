//! Makes the enrolment of a node from its root seed, 64 hexadecimal digits on standard input:
//! `enrolment DEVEUI < seed`. Provision the same seed in the node, and nowhere else.
use chirrup_protocol::identity::enrolment::{self, ENROLMENT_CHARACTERS};
use chirrup_protocol::identity::{Enrolment, NodeKeys};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let dev_eui = std::env::args().nth(1).ok_or("usage: enrolment DEVEUI < seed")?.parse()?;
    let mut seed = [0; 32];
    hex::decode_to_slice(std::io::read_to_string(std::io::stdin())?.trim(), &mut seed)?;
    let enrolment = Enrolment::sign(dev_eui, &NodeKeys::from_seed(&seed));
    println!("{}", enrolment::write_text(&enrolment, &mut [0; ENROLMENT_CHARACTERS]));
    Ok(())
}
