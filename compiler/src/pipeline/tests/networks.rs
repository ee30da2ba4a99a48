//! Kinds of networks other than ResNet20, each through the whole pipeline with its checks.

use super::*;

fn bootstraps(net: Net, name: &str) -> u32 {
    plan(net.calibrated(), name, &options()).predicted.bootstraps
}

#[test]
fn lenet_with_pools_and_three_fully_connected_layers() {
    let mut net = Net::new(1, 28, 28);
    let x = net.conv(net.input(), 6, 5, 1, 2, 1);
    let x = net.relu_degree(x, 7);
    let x = net.average_pool(x, 2, 2, 0);
    let x = net.conv(x, 16, 5, 1, 0, 1);
    let x = net.relu_degree(x, 7);
    let x = net.average_pool(x, 2, 2, 0);
    let x = net.linear(x, 30);
    let x = net.relu(x);
    let x = net.linear(x, 20);
    let x = net.relu(x);
    let x = net.linear(x, 10);
    net.output(x);
    assert_eq!(bootstraps(net, "b5"), 3);
}

#[test]
fn depthwise_separable_convolutions() {
    let mut net = Net::new(3, 16, 16);
    let x = net.conv(net.input(), 8, 3, 2, 1, 1);
    let mut x = net.relu(x);
    for (channels, stride) in [(16, 1), (24, 2)] {
        let width = net.shape(x).channels;
        let y = net.conv(x, width, 3, stride, 1, width);
        let y = net.batch_norm(y);
        let y = net.relu(y);
        let y = net.conv(y, channels, 1, 1, 0, 1);
        let y = net.batch_norm(y);
        x = net.relu(y);
    }
    let x = net.global_pool(x);
    let x = net.linear(x, 7);
    net.output(x);
    assert_eq!(bootstraps(net, "b5"), 4);
}

#[test]
fn activations_before_the_layers_of_a_residual_stream() {
    let mut net = Net::new(2, 8, 8);
    let mut x = net.conv(net.input(), 4, 3, 1, 1, 1);
    for _ in 0..3 {
        let y = net.batch_norm(x);
        let y = net.relu_degree(y, 7);
        let y = net.conv(y, 4, 3, 1, 1, 1);
        x = net.add(x, y);
    }
    let x = net.global_pool(x);
    let x = net.linear(x, 3);
    net.output(x);
    // The stream is refreshed only on its way through the branches, and stays at their level.
    assert_eq!(bootstraps(net, "b5"), 2);
}

#[test]
fn partly_filled_layouts_may_be_summed() {
    let mut net = Net::new(2, 8, 8);
    let x = net.conv(net.input(), 3, 3, 1, 1, 1);
    let x = net.relu(x);
    let x = net.global_pool(x);
    let x = net.linear(x, 2);
    net.output(x);
    assert_eq!(bootstraps(net, "b5"), 0);
}

#[test]
fn global_pools_of_any_size() {
    for (height, width) in [(6, 6), (5, 3), (3, 7), (4, 6), (1, 5)] {
        let mut net = Net::new(2, height, width);
        let x = net.relu_degree(net.input(), 3);
        let x = net.global_pool(x);
        let x = net.relu_degree(x, 3);
        net.output(x);
        assert_eq!(bootstraps(net, "b5"), 0, "{height}x{width}");
    }
}

#[test]
fn an_activation_of_the_image_itself_and_logits_that_are_activated() {
    let mut net = Net::new(1, 4, 4);
    let x = net.relu(net.input());
    net.output(x);
    assert_eq!(bootstraps(net, "b5"), 0);
}

#[test]
fn a_network_without_activations() {
    let mut net = Net::new(3, 8, 8);
    let x = net.conv(net.input(), 5, 3, 2, 1, 1);
    let x = net.linear(x, 4);
    net.output(x);
    assert_eq!(bootstraps(net, "b5"), 0);
}

#[test]
fn the_image_may_be_the_output() {
    let mut net = Net::new(1, 2, 2);
    net.output(net.input());
    assert_eq!(bootstraps(net, "b5"), 0);
}
