//! Functions of scalars or small arrays made to run over large ones.

use candle_core::{Result, Shape, Tensor};

use crate::host;

/// The arguments of [`vectorize`] beside the function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vectorize {
    /// Positions of arguments that are passed on whole.
    pub excluded: Vec<usize>,
    /// Which last axes of each argument the function takes at once, and which it gives: `"(m,n),(n)->(m)"`. Without
    /// one, it takes scalars and gives a scalar.
    pub signature: Option<String>,
}

/// A function that broadcasts its arguments against each other and gives `function` of their elements.
///
/// With a signature the elements are arrays: their axes come last and are not broadcast. Differs from Keras: `function`
/// runs once for each element, so prefer operations that take whole tensors; it gives one tensor.
///
/// # Shapes
/// The broadcast axes, then those of what `function` gives.
///
/// # Errors
/// When called: when the signature does not fit the arguments or what `function` gives, there is no element, or shapes
/// do not broadcast; those of `function`.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor, Vectorize};
/// let add = ops::vectorize(|x| ops::add(&x[0], &x[1]), Vectorize::default());
/// let (x, two) = (Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?, Tensor::new(2f32, &Device::Cpu)?);
/// assert_eq!(add(&[&x, &two])?.to_vec1::<f32>()?, [3., 4., 5.]);
///
/// let signature = Some("(n),(n)->()".to_owned());
/// let dot = ops::vectorize(|x| ops::dot(&x[0], &x[1]), Vectorize { signature, ..Default::default() });
/// let rows = Tensor::new(&[[1f32, 0., 0.], [1., 1., 1.]], &Device::Cpu)?;
/// assert_eq!(dot(&[&rows, &x])?.to_vec1::<f32>()?, [1., 6.]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn vectorize(
    function: impl Fn(&[Tensor]) -> Result<Tensor>,
    options: Vectorize,
) -> impl Fn(&[&Tensor]) -> Result<Tensor> {
    move |arguments| host::within("vectorize", || mapped(&function, &options, arguments))
}

fn mapped(
    function: &impl Fn(&[Tensor]) -> Result<Tensor>,
    options: &Vectorize,
    arguments: &[&Tensor],
) -> Result<Tensor> {
    if let Some(beyond) = options.excluded.iter().find(|at| **at >= arguments.len()) {
        candle_core::bail!(
            "`excluded` names argument {beyond}, there are {}",
            arguments.len()
        );
    }
    let given: Vec<usize> = (0..arguments.len())
        .filter(|at| !options.excluded.contains(at))
        .collect();
    let mut signature = match &options.signature {
        Some(text) => Signature::parse(text)?,
        None => Signature::of_scalars(given.len()),
    };
    if signature.inputs.len() != given.len() {
        candle_core::bail!(
            "the signature has {} arguments, got {}",
            signature.inputs.len(),
            given.len()
        );
    }
    let mut lead = Shape::from(());
    for (i, at) in given.iter().enumerate() {
        let own = Shape::from(signature.bind(i, *at, arguments[*at].dims())?);
        lead = lead.broadcast_shape_binary_op(&own, "arguments")?;
    }
    let (lead, count) = (lead.dims(), lead.elem_count());
    if count == 0 {
        candle_core::bail!("there is no element: the arguments broadcast to {lead:?}");
    }
    let mut inputs: Vec<Tensor> = arguments.iter().map(|x| (*x).clone()).collect();
    for (i, at) in given.iter().enumerate() {
        let x = arguments[*at];
        let core = &x.dims()[x.rank() - signature.inputs[i].len()..];
        let whole = crate::broadcast_to(x, &[lead, core].concat())?;
        let flat: Vec<i64> = [&[count], core].concat().iter().map(|n| *n as i64).collect();
        inputs[*at] = crate::reshape(&whole, &flat)?;
    }
    let one = |element: usize| {
        let mut inputs = inputs.clone();
        for at in &given {
            inputs[*at] = crate::squeeze(&crate::narrow(&inputs[*at], 0, element, 1)?, Some(&[0]))?;
        }
        let y = function(&inputs)?;
        signature.check(y.dims())?;
        Ok(y)
    };
    let found: Vec<Tensor> = (0..count).map(one).collect::<Result<_>>()?;
    let stacked = crate::stack(&found.iter().collect::<Vec<_>>(), 0)?;
    let dims = lead.iter().chain(&stacked.dims()[1..]);
    crate::reshape(&stacked, &dims.map(|n| *n as i64).collect::<Vec<_>>())
}

/// Names of axes that a function takes and gives, and their sizes as far as they are known.
struct Signature {
    inputs: Vec<Vec<String>>,
    output: Vec<String>,
    sizes: Vec<(String, usize)>,
}

impl Signature {
    fn of_scalars(count: usize) -> Self {
        Self {
            inputs: vec![Vec::new(); count],
            output: Vec::new(),
            sizes: Vec::new(),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let parsed = text.split_once("->").and_then(|(inputs, output)| {
            let (inputs, output) = (groups(inputs)?, groups(output)?);
            match <[_; 1]>::try_from(output) {
                Ok([output]) => Some((inputs, output)),
                Err(_) => None,
            }
        });
        match parsed {
            Some((inputs, output)) => Ok(Self {
                inputs,
                output,
                sizes: Vec::new(),
            }),
            None => candle_core::bail!(
                "expected a signature such as \"(m,n),(n)->(m)\" with one result, got {text:?}"
            ),
        }
    }

    /// Gives the axes of argument `at`, the `i`th that is not excluded, their sizes; what is left are those to broadcast.
    fn bind<'a>(&mut self, i: usize, at: usize, dims: &'a [usize]) -> Result<&'a [usize]> {
        let names = &self.inputs[i];
        let Some(lead) = dims.len().checked_sub(names.len()) else {
            candle_core::bail!(
                "argument {at} needs the axes ({}), got shape {dims:?}",
                names.join(",")
            );
        };
        for (name, size) in names.iter().zip(&dims[lead..]) {
            match self.sizes.iter().find(|(known, _)| known == name) {
                Some((_, known)) if known != size => candle_core::bail!(
                    "axis {name} has size {known} and, in argument {at} of shape {dims:?}, {size}"
                ),
                Some(_) => {}
                None => self.sizes.push((name.clone(), *size)),
            }
        }
        Ok(&dims[..lead])
    }

    fn check(&self, dims: &[usize]) -> Result<()> {
        let known = |name: &String| {
            self.sizes
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, n)| *n)
        };
        let mut sizes = self.output.iter().map(known).zip(dims);
        if dims.len() != self.output.len() || sizes.any(|(known, n)| known.is_some_and(|known| known != *n)) {
            candle_core::bail!(
                "the function must give the axes ({}), it gave shape {dims:?}",
                self.output.join(",")
            );
        }
        Ok(())
    }
}

/// The names in `(a,b),(c)`.
fn groups(text: &str) -> Option<Vec<Vec<String>>> {
    let mut rest: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = Vec::new();
    loop {
        let (names, after) = rest.strip_prefix('(')?.split_once(')')?;
        let names = names.split(',').filter(|name| !name.is_empty());
        found.push(names.map(str::to_owned).collect());
        if after.is_empty() {
            return Some(found);
        }
        rest = after.strip_prefix(',')?.to_owned();
    }
}
