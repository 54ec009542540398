//! Attributes of a node.
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// A node's attributes by name.
pub struct Attributes<'a>(&'a [AttributeProto]);

impl<'a> Attributes<'a> {
    /// Those of a node.
    pub fn of(node: &'a NodeProto) -> Self {
        Self(&node.attribute)
    }

    fn find(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.iter().find(|attribute| attribute.name.as_deref() == Some(name))
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.find(name)?.i
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.find(name)?.f
    }

    /// Whole numbers.
    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.find(name).map(|attribute| attribute.ints.as_slice())
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        self.find(name)?.t.as_ref()
    }

    /// Text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        std::str::from_utf8(self.find(name)?.s.as_deref()?).ok()
    }
}
