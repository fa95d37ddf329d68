//! Operators on symbolic tensors: `(&a + &b)?`, `(&a * 2.)?`, `(-&a)?`.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use super::Symbolic;
use super::operation::Operation;
use super::symbolic;
use crate::layer::LayerRef;
use crate::{Arguments, Config, Result, bail};

/// An operand: a tensor or a number.
enum Operand {
    Tensor(Symbolic),
    Number(f64),
}

/// The node that Keras makes for `a op b`.
fn pair(class_name: &str, a: Operand, b: Operand) -> Result<Symbolic> {
    let (mut tensors, mut arguments) = (Vec::new(), Arguments::new());
    for (name, operand) in ["x1", "x2"].into_iter().zip([a, b]) {
        match operand {
            Operand::Tensor(tensor) => tensors.push(tensor),
            Operand::Number(number) => arguments = arguments.set(name, number),
        }
    }
    node(class_name, tensors, arguments)
}

fn node(class_name: &str, tensors: Vec<Symbolic>, arguments: Arguments) -> Result<Symbolic> {
    let layer = LayerRef::new(Operation::new(class_name, Config::new())?);
    match symbolic::apply(&layer, tensors, &arguments)?.pop() {
        Some(output) => Ok(output),
        None => bail!("{class_name}: no output"),
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident: $class:literal;)*) => { $(
        operators!(@ $trait $method $class, &Symbolic, &Symbolic, |a, b|
            Operand::Tensor(a.clone()), Operand::Tensor(b.clone()));
        operators!(@ $trait $method $class, &Symbolic, Symbolic, |a, b|
            Operand::Tensor(a.clone()), Operand::Tensor(b));
        operators!(@ $trait $method $class, Symbolic, &Symbolic, |a, b|
            Operand::Tensor(a), Operand::Tensor(b.clone()));
        operators!(@ $trait $method $class, Symbolic, Symbolic, |a, b| Operand::Tensor(a), Operand::Tensor(b));
        operators!(@ $trait $method $class, &Symbolic, f64, |a, b| Operand::Tensor(a.clone()), Operand::Number(b));
        operators!(@ $trait $method $class, Symbolic, f64, |a, b| Operand::Tensor(a), Operand::Number(b));
        operators!(@ $trait $method $class, f64, &Symbolic, |a, b| Operand::Number(a), Operand::Tensor(b.clone()));
        operators!(@ $trait $method $class, f64, Symbolic, |a, b| Operand::Number(a), Operand::Tensor(b));
    )* };
    (@ $trait:ident $method:ident $class:literal, $left:ty, $right:ty, |$a:ident, $b:ident| $x1:expr, $x2:expr) => {
        /// As Keras computes with symbolic tensors: shapes broadcast. An error when they do not.
        impl $trait<$right> for $left {
            type Output = Result<Symbolic>;

            fn $method(self, other: $right) -> Self::Output {
                let ($a, $b) = (self, other);
                pair($class, $x1, $x2)
            }
        }
    };
}

operators! {
    Add add: "Add";
    Sub sub: "Subtract";
    Mul mul: "Multiply";
    Div div: "TrueDivide";
    Rem rem: "Mod";
}

impl Neg for &Symbolic {
    type Output = Result<Symbolic>;

    fn neg(self) -> Self::Output {
        node("Negative", vec![self.clone()], Arguments::new())
    }
}

impl Neg for Symbolic {
    type Output = Result<Symbolic>;

    fn neg(self) -> Self::Output {
        -&self
    }
}
