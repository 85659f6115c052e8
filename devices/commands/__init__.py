"""What 'nearwire devices' does beside listing: the doctor, and adding a board of one's own."""
