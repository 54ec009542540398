//! Events in, actions out. Time moves only as far as the agent's own deadlines.
mod bench;
mod learning;
mod objects;
mod properties;
mod sealing;
mod speaking;
