"""How good a face is: lips against phones, in millimetres on the head, and what tells a live face from a dead one."""
