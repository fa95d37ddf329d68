//! Layers that prepare data, against real Keras and by hand.

mod arrays;
mod text;
