//! The kinds of layers and their parameters.

use super::arguments::Parameter;

/// A kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Conv,
    BatchNorm,
    Relu,
    Polynomial,
    Add,
    Subsample,
    PadChannels,
    AveragePool,
    GlobalAveragePool,
    Linear,
}

const fn needs(name: &'static str) -> Parameter<'static> {
    Parameter { name, required: true }
}

const fn takes(name: &'static str) -> Parameter<'static> {
    Parameter { name, required: false }
}

impl Kind {
    /// All of them, by name.
    pub(super) const ALL: [Self; 10] = [
        Self::Conv,
        Self::BatchNorm,
        Self::Relu,
        Self::Polynomial,
        Self::Add,
        Self::Subsample,
        Self::PadChannels,
        Self::AveragePool,
        Self::GlobalAveragePool,
        Self::Linear,
    ];

    /// The kind of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in the text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Conv => "conv",
            Self::BatchNorm => "batch_norm",
            Self::Relu => "relu",
            Self::Polynomial => "polynomial",
            Self::Add => "add",
            Self::Subsample => "subsample",
            Self::PadChannels => "pad_channels",
            Self::AveragePool => "average_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Linear => "linear",
        }
    }

    /// Its parameters in order.
    pub(super) fn parameters(self) -> &'static [Parameter<'static>] {
        match self {
            Self::Conv => {
                const {
                    &[
                        needs("channels"),
                        needs("kernel"),
                        takes("stride"),
                        takes("padding"),
                        takes("groups"),
                        takes("bias"),
                    ]
                }
            }
            Self::BatchNorm => const { &[takes("epsilon")] },
            Self::Relu => const { &[takes("method"), takes("degree"), takes("range")] },
            Self::Add => const { &[needs("first"), takes("second")] },
            Self::Subsample => const { &[needs("stride")] },
            Self::PadChannels => const { &[takes("before"), takes("after")] },
            Self::AveragePool => const { &[needs("kernel"), takes("stride"), takes("padding")] },
            Self::Polynomial | Self::GlobalAveragePool => &[],
            Self::Linear => const { &[needs("features"), takes("bias")] },
        }
    }

    /// Whether it has tensors in the weights file, which are found by its path.
    pub(super) fn has_weights(self) -> bool {
        match self {
            Self::Conv | Self::BatchNorm | Self::Polynomial | Self::Linear => true,
            Self::Relu
            | Self::Add
            | Self::Subsample
            | Self::PadChannels
            | Self::AveragePool
            | Self::GlobalAveragePool => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        assert_eq!(Kind::named("dropout"), None);
    }
}
