//! Small networks with random weights, for tests.

use crate::diagnostics::Span;
use crate::interpret::{Histogram, Interpreter, RangeObserver};
use crate::ir::{
    Activation, Approximation, Graph, HeGraph, NodeId, Shape, TensorGraph, TensorNode, TensorOp,
};
use crate::passes::choose_packing::choose_packing;
use crate::passes::fit_activations::fit_activations;
use crate::passes::fold_ranges::fold_ranges;
use crate::passes::lower_to_he::lower_to_he;
use fhecc_plan::{BatchNorm, Profile, Tensor, Weights};

/// SplitMix64 (Steele, Lea, Flood 2014): enough for test data.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform on [-1, 1].
    pub(crate) fn signed(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Builds a network layer by layer; layers are called `conv0`, `norm1`, `relu2`, ... unless named.
pub(crate) struct Net {
    graph: Graph<TensorNode>,
    input: NodeId,
    output: Option<NodeId>,
    weights: Weights,
    random: Random,
    layers: usize,
    name: Option<String>,
}

impl Net {
    pub(crate) fn new(channels: u32, height: u32, width: u32) -> Self {
        Self::seeded(channels, height, width, 1)
    }

    pub(crate) fn seeded(channels: u32, height: u32, width: u32, seed: u64) -> Self {
        let mut graph = Graph::default();
        let shape = Shape { channels, height, width };
        let node = TensorNode { op: TensorOp::Input, path: "input".to_owned(), shape, span: Span::default() };
        let input = graph.add(node, &[]);
        let (weights, random) = (Weights::default(), Random(seed));
        Self { graph, input, output: None, weights, random, layers: 0, name: None }
    }

    pub(crate) fn input(&self) -> NodeId {
        self.input
    }

    pub(crate) fn shape(&self, id: NodeId) -> Shape {
        self.graph.op(id).shape
    }

    /// Names the next layer.
    pub(crate) fn at(&mut self, name: impl Into<String>) -> &mut Self {
        self.name = Some(name.into());
        self
    }

    fn path(&mut self, word: &str) -> String {
        self.layers += 1;
        self.name.take().unwrap_or_else(|| format!("{word}{}", self.layers - 1))
    }

    fn push(&mut self, op: TensorOp, path: String, operands: &[NodeId]) -> NodeId {
        let shapes: Vec<Shape> = operands.iter().map(|o| self.shape(*o)).collect();
        let shape = op.result_shape(&shapes).expect("the test's network is sound");
        let span = Span { start: 10 * self.layers, end: 10 * self.layers + 9 };
        self.graph.add(TensorNode { op, path, shape, span }, operands)
    }

    fn tensor(&mut self, name: String, shape: &[u32], centre: f64, spread: f64) -> String {
        let size: u32 = shape.iter().product();
        let values = (0..size).map(|_| (centre + spread * self.random.signed()) as f32).collect();
        let shape = shape.iter().map(|s| u64::from(*s)).collect();
        self.weights.insert(name.clone(), Tensor { shape, values });
        name
    }

    pub(crate) fn conv(
        &mut self,
        x: NodeId,
        channels: u32,
        kernel: u32,
        stride: u32,
        padding: u32,
        groups: u32,
    ) -> NodeId {
        let path = self.path("conv");
        let inputs = self.shape(x).channels / groups;
        let spread = (3.0 / f64::from(inputs * kernel * kernel)).sqrt();
        let weight = self.tensor(format!("{path}.weight"), &[channels, inputs, kernel, kernel], 0.0, spread);
        let bias = Some(self.tensor(format!("{path}.bias"), &[channels], 0.0, 0.2));
        let kernel = (kernel, kernel);
        let op = TensorOp::Conv { channels, kernel, stride, padding, groups, weight, bias, batch_norm: None };
        self.push(op, path, &[x])
    }

    pub(crate) fn batch_norm(&mut self, x: NodeId) -> NodeId {
        let path = self.path("norm");
        let channels = [self.shape(x).channels];
        let bn = BatchNorm {
            weight: self.tensor(format!("{path}.weight"), &channels, 1.0, 0.3),
            bias: self.tensor(format!("{path}.bias"), &channels, 0.0, 0.3),
            running_mean: self.tensor(format!("{path}.running_mean"), &channels, 0.0, 0.2),
            running_var: self.tensor(format!("{path}.running_var"), &channels, 1.0, 0.3),
            epsilon: 1e-5,
        };
        self.push(TensorOp::BatchNorm(bn), path, &[x])
    }

    pub(crate) fn relu(&mut self, x: NodeId) -> NodeId {
        self.relu_of(x, Approximation::default())
    }

    pub(crate) fn relu_of(&mut self, x: NodeId, approximation: Approximation) -> NodeId {
        let path = self.path("relu");
        self.push(TensorOp::Activation { function: Activation::Relu, approximation }, path, &[x])
    }

    pub(crate) fn relu_degree(&mut self, x: NodeId, degree: u32) -> NodeId {
        self.relu_of(x, Approximation { degree: Some(degree), ..Approximation::default() })
    }

    pub(crate) fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let path = self.path("add");
        self.push(TensorOp::Add, path, &[a, b])
    }

    pub(crate) fn average_pool(&mut self, x: NodeId, kernel: u32, stride: u32, padding: u32) -> NodeId {
        let path = self.path("pool");
        self.push(TensorOp::AveragePool { kernel, stride, padding }, path, &[x])
    }

    pub(crate) fn global_pool(&mut self, x: NodeId) -> NodeId {
        let path = self.path("pool");
        self.push(TensorOp::GlobalAveragePool, path, &[x])
    }

    pub(crate) fn subsample(&mut self, x: NodeId, stride: u32) -> NodeId {
        let path = self.path("subsample");
        self.push(TensorOp::Subsample { stride }, path, &[x])
    }

    pub(crate) fn pad_channels(&mut self, x: NodeId, before: u32, after: u32) -> NodeId {
        let path = self.path("pad");
        self.push(TensorOp::PadChannels { before, after }, path, &[x])
    }

    pub(crate) fn linear(&mut self, x: NodeId, features: u32) -> NodeId {
        let path = self.path("linear");
        let Shape { channels, height, width } = self.shape(x);
        let inputs = channels * height * width;
        let spread = (3.0 / f64::from(inputs)).sqrt();
        let weight = self.tensor(format!("{path}.weight"), &[features, inputs], 0.0, spread);
        let bias = Some(self.tensor(format!("{path}.bias"), &[features], 0.0, 0.2));
        self.push(TensorOp::Linear { features, weight, bias }, path, &[x])
    }

    pub(crate) fn output(&mut self, x: NodeId) {
        self.output = Some(self.push(TensorOp::Output, "output".to_owned(), &[x]));
    }

    pub(crate) fn finish(self) -> (TensorGraph, Data) {
        let shape = self.shape(self.input);
        let graph = TensorGraph {
            graph: self.graph,
            input: self.input,
            output: self.output.expect("the test's network has an output"),
            name: "test".to_owned(),
            mean: vec![0.5; shape.channels as usize],
            std: vec![0.25; shape.channels as usize],
            labels: Vec::new(),
            weights: None,
        };
        (graph, Data { weights: self.weights, shape })
    }

    /// The network with random weights, calibrated on a few images.
    pub(crate) fn calibrated(self) -> (TensorGraph, Data) {
        let (graph, mut data) = self.finish();
        data.calibrate(&graph);
        (graph, data)
    }

    /// The calibrated network as `lower_to_he` leaves it.
    pub(crate) fn lowered(self, profile: &Profile) -> HeGraph {
        let (mut graph, data) = self.calibrated();
        lowered(&mut graph, &data, profile)
    }

    /// A convolution, an activation of this degree, a pool and a linear layer.
    pub(crate) fn pooled((channels, height, width): (u32, u32, u32), degree: u32) -> Self {
        let mut net = Self::new(channels, height, width);
        let x = net.conv(net.input(), 2, 3, 1, 1, 1);
        let x = net.relu_degree(x, degree);
        let x = net.global_pool(x);
        let x = net.linear(x, 3);
        net.output(x);
        net
    }
}

/// Weights and images of a test network.
pub(crate) struct Data {
    pub(crate) weights: Weights,
    shape: Shape,
}

impl Data {
    /// A normalised image.
    pub(crate) fn image(&self, seed: u64) -> Vec<f64> {
        let mut random = Random(seed);
        let size = self.shape.channels * self.shape.height * self.shape.width;
        (0..size).map(|_| 2.0 * random.signed()).collect()
    }

    /// Adds range and density of every activation, measured on the images 0 to 3.
    pub(crate) fn calibrate(&mut self, graph: &TensorGraph) {
        let interpreter = Interpreter::<f64>::new(graph, &self.weights).expect("complete");
        let images: Vec<Vec<f64>> = (0..4).map(|seed| self.image(seed)).collect();
        let mut ranges = RangeObserver::default();
        for image in &images {
            interpreter.run(image, &mut ranges);
        }
        let mut histogram = Histogram::new(ranges.ranges.clone(), 256);
        for image in &images {
            interpreter.run(image, &mut histogram);
        }
        for (path, range) in ranges.ranges {
            let tensor = Tensor { shape: vec![1], values: vec![range as f32] };
            self.weights.insert(format!("{path}.range"), tensor);
        }
        for (path, values) in histogram.densities() {
            self.weights.insert(format!("{path}.density"), Tensor { shape: vec![256], values });
        }
    }
}

/// ResNet20 with parameter-free shortcuts and random weights, calibrated.
pub(crate) fn resnet20(seed: u64) -> (TensorGraph, Data) {
    let mut net = Net::seeded(3, 32, 32, seed);
    let input = net.input();
    let x = net.at("conv1").conv(input, 16, 3, 1, 1, 1);
    let x = net.at("bn1").batch_norm(x);
    let mut x = net.at("relu").relu(x);
    for (stage, width) in [(1, 16), (2, 32), (3, 64)] {
        for block in 0..3 {
            let stride = if stage > 1 && block == 0 { 2 } else { 1 };
            let at = |name: &str| format!("layer{stage}.{block}.{name}");
            let y = net.at(at("conv1")).conv(x, width, 3, stride, 1, 1);
            let y = net.at(at("bn1")).batch_norm(y);
            let y = net.at(at("relu1")).relu(y);
            let y = net.at(at("conv2")).conv(y, width, 3, 1, 1, 1);
            let y = net.at(at("bn2")).batch_norm(y);
            if stride == 2 {
                x = net.at(at("shortcut.subsample")).subsample(x, 2);
                x = net.at(at("shortcut.pad")).pad_channels(x, width / 4, width / 4);
            }
            let sum = net.at(at("add")).add(y, x);
            x = net.at(at("relu2")).relu(sum);
        }
    }
    let x = net.at("avgpool").global_pool(x);
    let x = net.at("linear").linear(x, 10);
    net.output(x);
    net.calibrated()
}

/// The network as `lower_to_he` leaves it.
pub(crate) fn lowered(graph: &mut TensorGraph, data: &Data, profile: &Profile) -> HeGraph {
    let (packing, _) = choose_packing(graph, profile).expect("fits");
    let (ranges, _) = fold_ranges(graph, &packing, &data.weights, profile).expect("calibrated");
    let (fits, _) = fit_activations(graph, &ranges, &data.weights, profile).expect("calibrated");
    let (he, _) = lower_to_he(graph, &packing, &ranges, &fits, profile).expect("lowers");
    he
}

/// A profile that comes with the project.
pub(crate) fn profile(name: &str) -> Profile {
    let text = match name {
        "b4" => include_str!("../../models/targets/b4.ron"),
        "b5" => include_str!("../../models/targets/b5.ron"),
        "b6" => include_str!("../../models/targets/b6.ron"),
        "a9" => include_str!("../../models/targets/a9.ron"),
        _ => panic!("no profile `{name}`"),
    };
    Profile::from_ron(text).expect("sound")
}

/// Equal up to `tolerance` times the largest magnitude (at least 1).
pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * size, "element {index}: {f} instead of {e} (largest {size})");
    }
}
