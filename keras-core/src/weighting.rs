//! What surrounds every loss: equal ranks, masks, sample weights, reduction (`Loss.__call__` of Keras).
