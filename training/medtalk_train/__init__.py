"""Training of MEDTalk: corpus, teacher, backbone and the four stages of the paper."""
