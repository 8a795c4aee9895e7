"""Where items lie in a bag: bag region, poses and draws."""
